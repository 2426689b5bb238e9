"""A client that shuts down its sending side, or is gone: what is answered then, and what is not computed."""

from __future__ import annotations

import numpy as np
import pytest

from app.client.schemas import Problem
from app.contract import Artifact
from qa.harness.messages import as_npy, get, post
from tests.app.conftest import series
from tests.app.http.played import Connection, Played, is_for, play, serving, until
from tests.support.fakes import FakeEngine

NPY = [("Content-Type", "application/x-npy"), ("Accept", "application/x-npy")]
both_paths = pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])


def ask(target: str, *values: float) -> bytes:
    """A prediction on one of the two paths."""
    return post(as_npy(series(*values)), NPY, target=target)


async def waiting(played: Played, target: str, *values: float) -> Connection:
    """A connection with a prediction in the queue."""
    before = played.service._batcher.queued_rows
    connection = played.connect()
    connection.send(ask(target, *values))
    await played.queued(before + len(values))
    return connection


@both_paths
def test_a_prediction_is_cancelled_when_its_client_half_closes(plain_artifact: Artifact, target: str) -> None:
    """It is not computed, and its client is told so: it may still read."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            held = await played.held()
            leaving, beside = await waiting(played, target, 2.0, 3.0), await waiting(played, target, 4.0)
            leaving.shut_down_sending()
            [answer] = await leaving.answers(1)
            assert (answer.status, answer.headers["connection"]) == (499, "close")
            assert Problem.model_validate_json(answer.body).type == "/problems/cancelled"
            await until(lambda: leaving.closed)
            assert played.seen.of("dropped") == [{"rows": 2, "reason": "cancelled"}]
            played.engine.release()
            [answer] = await beside.answers(1)
            assert is_for(answer, 4.0)
            await held.answers(1)
            assert played.engine.batches == [1, 1]
            assert await played.count(499) == 1

    play(scenario())


@both_paths
def test_a_prediction_is_cancelled_when_its_client_disconnects(plain_artifact: Artifact, target: str) -> None:
    """A reset always cancels, on both paths, and nobody is told anything."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            gone = await waiting(played, target, 2.0, 3.0)
            gone.disconnect()
            await until(lambda: played.seen.of("dropped") == [{"rows": 2, "reason": "cancelled"}])
            played.engine.release()
            await until(lambda: len(played.seen.of("ran")) == 1)
            assert (gone.written, played.engine.batches, await played.count(499)) == (b"", [1], 1)

    play(scenario())


@both_paths
def test_an_answer_that_is_there_is_sent(plain_artifact: Artifact, target: str) -> None:
    """A prediction that was computed before the client shut down, and one whose refusal is due."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.send(ask(target, 1.0))
            await until(lambda: connection.written != b"")
            connection.shut_down_sending()
            [answer] = await connection.answers(1)
            assert is_for(answer, 1.0)
            refused = played.connect()
            refused.send(post(b"{", target=target))
            refused.shut_down_sending()
            [answer] = await refused.answers(1)
            assert answer.status == 400

    play(scenario())


@both_paths
def test_an_incomplete_body_gets_an_error(plain_artifact: Artifact, target: str) -> None:
    """With as many bytes as there were of it; after a refusal there is nothing more to say."""
    array = np.zeros((1, 500), np.float32)
    part = post(as_npy(array), NPY, target=target)[:-1]

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection, refused = played.connect(), played.connect()
            connection.send(part)
            connection.shut_down_sending()
            [answer] = await connection.answers(1)
            assert answer.status == 400
            assert f"ended after {len(as_npy(array)) - 1} bytes" in answer.body.decode()
            await refused.ask(post(b"<a/>", [("Content-Type", "text/xml")], target=target)[:-1])
            refused.shut_down_sending()
            await until(lambda: refused.closed)
            assert await refused.answers(0) == []

    play(scenario())


def test_requests_before_the_last_are_computed(plain_artifact: Artifact) -> None:
    """Only when all that was sent is read is it known that no more comes."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.send(ask("/predict", 1.0) + get("/livez") + ask("/predict", 2.0) + get("/nowhere"))
            connection.shut_down_sending()
            first, second, third, last = await connection.answers(4)
            assert is_for(first, 1.0)
            assert is_for(third, 2.0)
            assert (second.status, last.status, last.headers["connection"]) == (200, 404, "close")
            await until(lambda: connection.closed)

    play(scenario())
