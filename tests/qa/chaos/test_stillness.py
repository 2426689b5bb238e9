"""A client that stood still says so."""

from __future__ import annotations

import asyncio
import time

from qa.chaos.stillness import NOTEWORTHY_SECONDS, Stillness, watching


def test_a_pause_of_the_client_is_told() -> None:
    """A loop that is held up for longer than a moment is seen, with how long."""

    async def scenario() -> Stillness:
        async with watching() as found:
            await asyncio.sleep(0)
            time.sleep(NOTEWORTHY_SECONDS + 0.1)  # noqa: ASYNC251 - this is what is to be seen
            await asyncio.sleep(0.2)
        return found

    found = asyncio.run(scenario())
    assert found.longest >= NOTEWORTHY_SECONDS
    assert "stood still" in found.words[0]


def test_a_moment_is_not_worth_a_word() -> None:
    """What any busy machine does is left out of the report."""
    assert Stillness(NOTEWORTHY_SECONDS / 2).words == []
