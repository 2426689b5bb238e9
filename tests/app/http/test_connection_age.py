"""MAX_CONNECTION_AGE: the response that an old connection ends with."""

from __future__ import annotations

import time

import pytest

from app.contract import Artifact
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, get, post
from tests.app.api.served import served
from tests.app.conftest import series

GOOD = as_json(series(0.5))
FAST, FRAMEWORK = post(GOOD), post(GOOD, target="/predict?abstain=false")


@pytest.mark.parametrize("request_bytes", [FAST, FRAMEWORK, get("/livez")], ids=["fast", "framework", "get"])
def test_a_response_ends_an_old_connection(plain_artifact: Artifact, request_bytes: bytes) -> None:
    """It is whole, says `Connection: close`, and the connection ends behind it, on both paths."""
    with served(plain_artifact, max_connection_age=0.01) as app, HttpClient(app.url) as wire:
        time.sleep(0.02)
        wire.send(request_bytes)
        (answer,) = wire.read_to_the_end()
        assert answer.status == 200
        assert answer.headers["connection"] == "close"


def test_a_young_connection_goes_on(plain_artifact: Artifact) -> None:
    """Until it is old, it takes any number of requests."""
    with served(plain_artifact, max_connection_age=60) as app, HttpClient(app.url) as wire:
        for _ in range(3):
            assert wire.ask(FAST).headers["connection"] is None


def test_an_age_of_zero_is_no_limit(plain_artifact: Artifact) -> None:
    """Connections then end only for other reasons."""
    with served(plain_artifact, max_connection_age=0) as app, HttpClient(app.url) as wire:
        time.sleep(0.02)
        assert wire.ask(FAST).headers["connection"] is None
        assert wire.ask(FAST).status == 200
