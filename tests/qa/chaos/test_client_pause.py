"""A client that stood still says so."""

from __future__ import annotations

import asyncio
import time

from qa.chaos.client_pause import REPORTED_SECONDS, ClientPause, watch_event_loop


def test_a_pause_of_the_client_is_reported() -> None:
    """A loop that is held up for longer than a moment is seen, with how long."""

    async def scenario() -> ClientPause:
        async with watch_event_loop() as found:
            await asyncio.sleep(0)
            time.sleep(REPORTED_SECONDS + 0.1)  # noqa: ASYNC251 - this is what is to be seen
            await asyncio.sleep(0.2)
        return found

    found = asyncio.run(scenario())
    assert found.longest >= REPORTED_SECONDS
    assert "was blocked" in found.remarks[0]


def test_a_short_pause_is_not_reported() -> None:
    """What any busy machine does is left out of the report."""
    assert ClientPause(REPORTED_SECONDS / 2).remarks == []
