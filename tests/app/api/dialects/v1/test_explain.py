"""KServe V1's `:explain`, by the byte."""

from __future__ import annotations

import json

import pytest

from app.contract import Artifact
from qa.harness.messages import as_json, get, post
from tests.app.api.dialects.v1.asked import MODEL, asking, content_of, error_of, rows
from tests.app.conftest import series
from tests.app.http.played import play, serving
from tests.support.explaining import explaining
from tests.support.fakes import FakeEngine

BODY = {"instances": rows(1.0, -2.0)}
FEW = "?windows=2&bands=2&cells=2x2"


@pytest.mark.parametrize("target", [MODEL, f"{MODEL}/versions/4", f"{MODEL}/labels/stable"])
def test_it_is_the_servers_own_explanation(plain_artifact: Artifact, target: str) -> None:
    """At each address of a version; the query is the same, and without one it does not take the fast path."""

    async def scenario() -> None:
        async with serving(explaining(plain_artifact), FakeEngine()) as played:
            connection = played.connect()
            for query in (FEW, ""):
                found = content_of(await connection.ask(asking(BODY, to=f"{target}:explain", query=query)))
                native = await connection.ask(post(as_json(series(1.0, -2.0)), target=f"/explain{query}"))
                assert found == {"explanations": json.loads(native.body)["explanations"]}

    play(scenario())


def test_columns_are_taken_as_well(plain_artifact: Artifact) -> None:
    """As for `:predict`."""

    async def scenario() -> None:
        async with serving(explaining(plain_artifact), FakeEngine()) as played:
            connection, to = played.connect(), f"{MODEL}:explain"
            by_rows = content_of(await connection.ask(asking(BODY, to=to, query=FEW)))
            columns = {"inputs": BODY["instances"]}
            assert content_of(await connection.ask(asking(columns, to=to, query=FEW))) == by_rows

    play(scenario())


@pytest.mark.parametrize(
    ("target", "body", "status", "words"),
    [
        ("/v1/models/nothing:explain", BODY, 404, "model nothing is not served here"),
        (f"{MODEL}/versions/9:explain", BODY, 404, "version 9 is not loaded"),
        (f"{MODEL}:explain", {"instances": []}, 400, "instances: no series"),
        (f"{MODEL}:explain", {}, 400, "Missing 'inputs' or 'instances' key"),
        (f"{MODEL}:explain?windows=x", BODY, 400, "windows: expected a whole number"),
        (f"{MODEL}:explain?label=2", BODY, 400, "label: expected a label of the model"),
    ],
)
def test_errors_have_the_protocols_form(
    plain_artifact: Artifact, target: str, body: object, status: int, words: str
) -> None:
    """With the statuses of its other methods."""

    async def scenario() -> None:
        async with serving(explaining(plain_artifact), FakeEngine()) as played:
            answer = await played.connect().ask(asking(body, to=target))
            assert words in error_of(answer, status)

    play(scenario())


def test_it_is_counted_under_its_template(plain_artifact: Artifact) -> None:
    """And not under that of predictions."""

    async def scenario() -> None:
        async with serving(explaining(plain_artifact), FakeEngine()) as played:
            connection = played.connect()
            content_of(await connection.ask(asking(BODY, to=f"{MODEL}:explain", query=FEW)))
            labels = 'protocol="v1",route="/v1/models/{name}:explain",status="200"'
            metrics = (await connection.ask(get("/metrics"))).body.decode()
            assert f"timeseries_http_requests_total{{{labels}}} 1.0" in metrics.splitlines()

    play(scenario())
