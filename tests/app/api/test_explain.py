"""`app.api.explain`: waiting for an explanation, giving up, and being refused; the test holds the engine."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from qa.harness.messages import Response, as_json, get, post
from tests.app.conftest import series
from tests.app.http.played import Played, asking, is_for, play, serving, until
from tests.support.explaining import explaining
from tests.support.fakes import FakeEngine, by_first_value

QUERY = "?windows=4&bands=0&cells=0"
BODY = as_json(series(1.0))
ROWS = 5


def explain(query: str = QUERY, headers: list[tuple[str, str]] | None = None) -> bytes:
    """A request for the explanation of a series."""
    return post(BODY, headers or (), target=f"/explain{query}")


async def measured(played: Played) -> None:
    """Have the size of chunks measured, as the first explanation does."""
    connection = played.connect()
    connection.send(explain())
    assert (await connection.answers(1))[0].status == 200


async def waiting(played: Played, rows: int) -> None:
    """Wait until so many rows are in the background queue."""
    await until(lambda: played.service.background.rows == rows)


def problem(answer: Response, status: int) -> str:
    """The detail of a problem."""
    assert answer.status == status, answer
    detail: str = json.loads(answer.body)["detail"]
    return detail


def test_predictions_beside_an_explanation_are_answered_as_alone(plain_artifact: Artifact) -> None:
    """All of them wait for the engine together, and none gets rows of another."""

    async def scenario() -> None:
        engine = FakeEngine()
        async with serving(explaining(plain_artifact), engine) as played:
            await measured(played)
            engine.batches.clear()
            await played.held()
            first, others = played.connect(), [played.connect() for _ in range(3)]
            first.send(explain())
            await waiting(played, ROWS)
            for number, other in enumerate(others):
                other.send(asking(number))
            await played.queued(3)
            engine.release()
            for number, other in enumerate(others):
                assert is_for((await other.answers(1))[0], number)
            assert (await first.answers(1))[0].status == 200
            assert sorted(engine.batches) == sorted([1, 3, ROWS])

    play(scenario())


def test_a_full_queue_refuses_with_a_time_to_retry(plain_artifact: Artifact) -> None:
    """429; the explanation that was there first is not harmed."""
    limits: dict[str, Any] = {"background_queue_rows": ROWS + 1, "explain_max_variants": ROWS + 1}

    async def scenario() -> None:
        engine = FakeEngine()
        async with serving(explaining(plain_artifact), engine, **limits) as played:
            await measured(played)
            await played.held()
            first, second = played.connect(), played.connect()
            first.send(explain())
            await waiting(played, ROWS)
            answer = await second.ask(explain())
            assert "BACKGROUND_QUEUE_ROWS=6" in problem(answer, 429)
            assert int(answer.headers["retry-after"]) >= 1
            engine.release()
            assert (await first.answers(1))[0].status == 200

    play(scenario())


def test_an_explanation_that_is_not_ready_in_time_is_told(plain_artifact: Artifact) -> None:
    """504 by the timeout of the request, and its variants leave the queue."""

    async def scenario() -> None:
        engine = FakeEngine()
        async with serving(explaining(plain_artifact), engine) as played:
            await measured(played)
            await played.held()
            answer = await played.connect().ask(explain(headers=[("X-Request-Timeout", "0.05")]))
            assert "deadline passed" in problem(answer, 504)
            assert played.service.background.rows == 0

    play(scenario())


def test_the_timeout_is_that_of_explanations(plain_artifact: Artifact) -> None:
    """EXPLAIN_TIMEOUT, not the shorter one of predictions."""

    async def scenario() -> None:
        engine = FakeEngine()
        async with serving(explaining(plain_artifact), engine, explain_timeout=0.05) as played:
            await measured(played)
            await played.held()
            assert "deadline passed" in problem(await played.connect().ask(explain()), 504)

    play(scenario())


def test_nothing_is_computed_for_a_client_that_has_gone(plain_artifact: Artifact) -> None:
    """Its variants leave the queue at once; it is counted as closed by the client."""

    async def scenario() -> None:
        engine = FakeEngine()
        async with serving(explaining(plain_artifact), engine) as played:
            await measured(played)
            await played.held()
            gone = played.connect()
            gone.send(explain())
            await waiting(played, ROWS)
            gone.disconnect()
            await waiting(played, 0)
            engine.release()
            assert await played.count(499, route="/explain") == 1

    play(scenario())


def test_a_failing_engine_is_a_500_without_its_words(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """Which are in the log."""
    is_broken = False

    def compute(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if is_broken:
            raise RuntimeError("secret")
        return by_first_value(rows)

    async def scenario() -> None:
        nonlocal is_broken
        async with serving(explaining(plain_artifact), FakeEngine(compute)) as played:
            is_broken = True
            assert "secret" not in problem(await played.connect().ask(explain()), 500)

    with caplog.at_level(logging.ERROR):
        play(scenario())
    assert "secret" in caplog.text


def test_a_key_is_asked_for_where_there_are_keys(plain_artifact: Artifact, tmp_path: Path) -> None:
    """As for predictions; a request without one is counted under the route."""
    key, keys = new_key(), tmp_path / "keys"
    keys.write_text(line_of("caller", key))

    async def scenario() -> None:
        async with serving(explaining(plain_artifact), FakeEngine(), api_keys_file=keys) as played:
            connection = played.connect()
            assert "API key" in problem(await connection.ask(explain()), 401)
            assert (await connection.ask(explain(headers=[("X-API-Key", key)]))).status == 200
            assert await played.count(401, route="/explain") == 1

    play(scenario())


def test_a_server_without_the_native_protocol_has_no_explanations(plain_artifact: Artifact) -> None:
    """But KServe's, if that one is on."""

    async def scenario() -> None:
        async with serving(explaining(plain_artifact), FakeEngine(), protocols=("v1",)) as played:
            connection = played.connect()
            assert (await connection.ask(explain())).status == 404
            assert "/explain" not in json.loads((await connection.ask(get("/openapi.json"))).body)["paths"]
            target = f"/v1/models/forda:explain{QUERY}"
            assert (await connection.ask(post(BODY, target=target))).status == 200

    play(scenario())
