"""`app.system.flush_timer`: one call for many events."""

from __future__ import annotations

import asyncio

from app.system.flush_timer import FlushTimer


def test_many_starts_make_one_call_a_period() -> None:
    """And the next start makes the next call."""
    calls: list[int] = []

    async def scenario() -> None:
        timer, done = FlushTimer(0.001), asyncio.Event()

        def flush() -> None:
            calls.append(started)
            done.set()

        for _ in range(2):
            for started in range(3):  # noqa: B007 - `flush` reads it
                timer.start(flush)
            done.clear()
            await asyncio.wait_for(done.wait(), 60)

    asyncio.run(scenario())
    assert calls == [2, 2]


def test_without_an_event_loop_nothing_is_called() -> None:
    """A start there does not keep a later one from its call."""
    calls: list[str] = []
    timer = FlushTimer(0.001)
    timer.start(lambda: calls.append("without"))

    async def scenario() -> None:
        timer.start(lambda: calls.append("with"))
        while not calls:
            await asyncio.sleep(0.001)

    asyncio.run(scenario())
    assert calls == ["with"]
