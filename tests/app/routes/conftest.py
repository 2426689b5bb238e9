"""An app in this process, on the committed contract and an engine that the test holds in its hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.contract import Artifact
from app.main import create_app
from app.service import Service
from app.settings import Settings
from tests.fakes import FakeEngine

LENGTH = 500
MAX_ROWS = 8
MAX_BODY = 100_000


@dataclass
class App:
    """The client of an app, its service and its engine."""

    client: TestClient
    service: Service
    engine: FakeEngine


@pytest.fixture
def app(artifact: Artifact) -> Iterator[App]:
    """A ready app with small limits."""
    engine = FakeEngine(max_rows=MAX_ROWS)
    service = Service(artifact, lambda: engine, max_batch_rows=MAX_ROWS, max_queue_rows=MAX_ROWS)
    settings = Settings(max_batch_rows=MAX_ROWS, max_queue_rows=MAX_ROWS, max_body_bytes=MAX_BODY)
    with TestClient(create_app(settings, service), raise_server_exceptions=False) as client:
        while not service.status().ready:
            client.get("/startupz")
        yield App(client, service, engine)
        engine.release()


def series(*first_values: float) -> NDArray[np.float32]:
    """Series that differ in their first value."""
    array = np.zeros((len(first_values), LENGTH), np.float32)
    array[:, 0] = first_values
    return array
