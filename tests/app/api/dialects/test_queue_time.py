"""A request that would wait too long for the engine gets 429, by the limit or for its own deadline."""

from __future__ import annotations

from app.contract import Artifact
from qa.harness.messages import as_json, post
from tests.app.conftest import series
from tests.app.http.fast_path.compared import told
from tests.app.http.played import A_REQUEST, Played, asking, is_for, play, serving, until
from tests.support.fakes import FakeEngine


async def late(played: Played, seconds: float) -> None:
    """Wait until the batch that runs is so late that others are taken to wait for so long."""
    await until(lambda: played.service._batcher._throughput.wait(1) > seconds)


def test_a_long_wait_refuses_before_the_body_has_come(plain_artifact: Artifact) -> None:
    """The head alone gets 429, on both paths, while there is room; the next batch ends that."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), max_queue_seconds=0.05) as played:
            held, waiting, refused = await played.held(), played.connect(), played.connect()
            await late(played, 0.05)
            waiting.send(asking(2.0))  # the queue is empty
            assert played.service._batcher.queued_rows == 1
            request = asking(3.0)
            body_starts = request.index(b"\r\n\r\n") + 4
            answer = await refused.ask(request[:body_starts])
            assert (answer.status, answer.headers["retry-after"]) == (429, "1")
            assert b"MAX_QUEUE_SECONDS=0.05" in answer.body
            assert told(answer) == told(await played.connect().ask(post(b"{", target="/predict?")))
            assert played.seen.of("refused") == [{"rows": 1, "reason": "queue_time"}] * 2
            played.engine.release()
            await held.answers(1)
            [answer] = await waiting.answers(1)
            assert is_for(answer, 2.0)
            assert is_for(await refused.ask(request[body_starts:], asking(4.0)), 4.0)

    play(scenario())


def test_a_wait_past_the_requests_own_deadline_refuses_it(plain_artifact: Artifact) -> None:
    """429 at once, not 504 at the deadline, and nothing is computed for it; with more time it waits."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            held, waiting, hasty = await played.held(), played.connect(), played.connect()
            waiting.send(asking(2.0))
            await late(played, 0.6)
            answer = await hasty.ask(post(as_json(series(3.0)), [("X-Request-Timeout", "0.3")]))
            assert (answer.status, answer.headers["retry-after"]) == (429, "1")
            assert b"the deadline of this request is in 0." in answer.body
            assert played.seen.of("refused") == [{"rows": 1, "reason": "deadline"}]
            waiting.send(A_REQUEST)
            played.engine.release()
            await held.answers(1)
            assert [answer.status for answer in await waiting.answers(2)] == [200, 200]
            assert await played.count(429) == 1

    play(scenario())
