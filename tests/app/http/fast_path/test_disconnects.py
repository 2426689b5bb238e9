"""`app.http.fast_path`: clients that leave before they are answered, on connections that the test plays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from qa.harness.messages import post
from tests.app.http.played import A_REQUEST, asking, is_for, play, serving, until
from tests.app.inference.batching.stepping import Seen
from tests.support.fakes import FakeEngine, by_first_value


def test_a_client_that_disconnects_in_the_queue_is_not_computed(plain_artifact: Artifact) -> None:
    """Its series leave the queue at once, it is counted as 499, and other requests get their responses."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            held = await played.held()
            before, gone, after = (played.connect() for _ in range(3))
            for connection, value in ((before, 2.0), (gone, 3.0), (after, 4.0)):
                connection.send(asking(value, value))
            gone.disconnect()
            assert played.seen.of("dropped") == [{"rows": 2, "reason": "cancelled"}]
            assert await played.count(499) == 1
            played.engine.release()
            await held.answers(1)
            for connection, value in ((before, 2.0), (after, 4.0)):
                [answer] = await connection.answers(1)
                assert is_for(answer, value, value)
            assert played.engine.batches == [1, 4]
            assert (gone.written, await played.count(499), await played.count(200)) == (b"", 1, 3)

    play(scenario())


def test_a_client_that_disconnects_during_its_batch_affects_no_other(plain_artifact: Artifact) -> None:
    """Its own predictions are discarded."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            played.engine.hold()
            gone, beside = played.connect(), played.connect()
            gone.send(asking(2.0))
            beside.send(asking(3.0))
            await until(played.engine.entered.is_set)
            gone.disconnect()
            played.engine.release()
            [answer] = await beside.answers(1)
            assert is_for(answer, 3.0)
            assert played.engine.batches == [2]
            assert (gone.written, played.seen.of("dropped"), await played.count(499)) == (b"", [], 1)

    play(scenario())


class HangsUp(Seen):
    """Has a client hang up in the turn in which its batch ends, before it is told."""

    disconnect: Callable[[], None] = staticmethod(lambda: None)

    def ran(self, **details: object) -> None:
        """The outcome is there and nobody has looked at it yet."""
        super().ran(**details)
        self.disconnect()


@pytest.mark.parametrize("fails", [False, True])
def test_a_disconnect_at_the_end_of_the_batch_leaves_nothing_behind(
    plain_artifact: Artifact, fails: bool
) -> None:
    """No answer is written to nobody, and no error is left that nobody looked at."""

    def fail(_: object) -> NDArray[np.float32]:
        raise RuntimeError("broken")

    async def scenario() -> None:
        engine, observer = FakeEngine(fail if fails else by_first_value), HangsUp()
        async with serving(plain_artifact, engine, observer=observer) as played:
            connection = played.connect()
            observer.disconnect = connection.disconnect
            connection.send(A_REQUEST)
            await until(lambda: connection.closed)
            assert (connection.written, await played.count(499)) == (b"", 1)

    play(scenario())


def test_a_disconnect_within_the_body_is_counted_as_unfinished(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """As 400, once, and it is no news; nothing happens at its deadline any more."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), request_timeout=0.05) as played:
            for part in (A_REQUEST[:-1], A_REQUEST[: A_REQUEST.index(b"\r\n\r\n") + 4]):
                connection = played.connect()
                connection.send(part)
                connection.disconnect()
            await asyncio.sleep(0.1)
            assert (await played.count(400), await played.count(408)) == (2, 0)
            assert played.seen.of("admitted") == []

    with caplog.at_level(logging.WARNING):
        play(scenario())
    assert caplog.records == []


def test_a_disconnect_between_requests_is_not_counted(plain_artifact: Artifact) -> None:
    """Only the finished request is counted, even if the rest of a refused body never arrives."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            await connection.ask(A_REQUEST)
            connection.disconnect()
            refused = played.connect()
            await refused.ask(post(b"<x/>", [("Content-Type", "text/xml")])[:-1])
            refused.disconnect()
            counts = [await played.count(status) for status in (200, 400, 415, 499)]
            assert counts == [1, 0, 1, 0]

    play(scenario())
