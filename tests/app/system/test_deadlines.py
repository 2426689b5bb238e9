"""`app.system.deadlines`: many deadlines, one timer, and nobody is told early or late."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from app.system.deadlines import DeadlineTimer
from tests.app.inference.batching.stepping import SteppedLoop, run_stepped, stepped


class Waiting:
    """Those who wait, by their deadlines, and a `DeadlineTimer` that watches over them.

    Attributes:
        told: the deadline of each who was told, and when.
        looks: how often it was looked for them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.told: list[tuple[float, float]] = []
        self.looks = 0
        self._loop = loop
        self._deadlines: list[float] = []
        self.expiry = DeadlineTimer(loop, self._look)

    def add(self, *deadlines: float) -> None:
        """More who wait."""
        for deadline in deadlines:
            self._deadlines.append(deadline)
            self.expiry.watch(deadline)

    def served(self, deadline: float) -> None:
        """One of them waits no more; the timer is not told."""
        self._deadlines.remove(deadline)

    def _look(self, now: float) -> float:
        self.looks += 1
        assert self.looks < 1000, "it looks without end"
        due = sorted(deadline for deadline in self._deadlines if deadline <= now)
        self._deadlines = [deadline for deadline in self._deadlines if deadline > now]
        self.told += [(deadline, self._loop.time()) for deadline in due]
        return min(self._deadlines, default=math.inf)


@stepped
async def test_one_timer_serves_many_deadlines(loop: SteppedLoop) -> None:
    """Each is told at its own time, and there is never more than one timer."""
    waiting = Waiting(loop)
    waiting.add(3.0, 5.0, 4.0, 5.0)
    assert loop.timers() == [3.0]
    await loop.advance(3.5)
    assert loop.timers() == [4.0]
    await loop.advance(10.0)
    assert waiting.told == [(3.0, 3.0), (4.0, 4.0), (5.0, 5.0), (5.0, 5.0)]
    assert waiting.looks == 3


@stepped
async def test_an_earlier_deadline_moves_the_timer(loop: SteppedLoop) -> None:
    """Whoever comes last may have the least time."""
    waiting = Waiting(loop)
    waiting.add(5.0)
    await loop.advance(1.0)
    waiting.add(2.0)
    assert loop.timers() == [2.0]
    await loop.advance(1.0)
    assert waiting.told == [(2.0, 2.0)]
    assert loop.timers() == [5.0]
    await loop.advance(3.0)
    assert waiting.told == [(2.0, 2.0), (5.0, 5.0)]


@stepped
async def test_a_timer_in_vain_looks_for_the_next_deadline(loop: SteppedLoop) -> None:
    """Whoever was served need not say so; after the last of them there is no timer."""
    waiting = Waiting(loop)
    waiting.add(1.0, 2.0)
    waiting.served(1.0)
    await loop.advance(1.0)
    assert (waiting.told, loop.timers()) == ([], [2.0])
    waiting.served(2.0)
    await loop.advance(5.0)
    assert (waiting.told, loop.timers(), waiting.looks) == ([], [], 2)


@stepped
async def test_it_can_be_used_again_when_nobody_waits(loop: SteppedLoop) -> None:
    """The first deadline after a pause is watched like any other."""
    waiting = Waiting(loop)
    for deadline in (1.0, 2.0):
        waiting.add(deadline)
        await loop.advance(1.0)
    assert waiting.told == [(1.0, 1.0), (2.0, 2.0)]


@stepped
async def test_after_cancel_nobody_is_told(loop: SteppedLoop) -> None:
    """No timer is left; cancelling again, or before anything, is no trouble; a new deadline is watched."""
    waiting = Waiting(loop)
    waiting.expiry.cancel()
    waiting.add(1.0)
    waiting.expiry.cancel()
    waiting.expiry.cancel()
    assert loop.timers() == []
    await loop.advance(2.0)
    assert waiting.told == []
    waiting.add(3.0)
    await loop.advance(1.0)
    assert waiting.told == [(1.0, 3.0), (3.0, 3.0)]


@stepped
async def test_a_deadline_that_has_passed_is_told_in_the_next_turn(loop: SteppedLoop) -> None:
    """Also one that passed while the loop was held up."""
    waiting = Waiting(loop)
    waiting.add(1.0, 2.0, 9.0)
    loop.jump(3.0)
    waiting.add(2.5)
    assert waiting.told == []
    await loop.idle()
    assert waiting.told == [(1.0, 3.0), (2.0, 3.0), (2.5, 3.0)]
    assert loop.timers() == [9.0]
    waiting.expiry.cancel()


class Early:
    """A loop whose timers go off up to a millisecond too early, as uvloop's do."""

    def __init__(self, loop: SteppedLoop) -> None:
        self._loop = loop
        self.time = loop.time

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Set a timer for the whole millisecond before."""
        return self._loop.call_at(math.floor(when * 1000) / 1000, callback, *args)


@stepped
async def test_a_timer_that_goes_off_early_goes_off_once(loop: SteppedLoop) -> None:
    """It counts as on time: to look, find nobody, and wait again would repeat for a millisecond."""
    waiting = Waiting(cast("asyncio.AbstractEventLoop", Early(loop)))
    waiting.add(1.0006, 1.0009, 2.0)
    await loop.advance(1.0)
    assert (waiting.told, waiting.looks) == ([(1.0006, 1.0), (1.0009, 1.0)], 2)
    await loop.advance(1.0)
    assert waiting.told[2:] == [(2.0, 2.0)]


Steps = st.lists(
    st.tuples(st.sampled_from(["add", "add", "served", "advance"]), st.integers(0, 8)),
    min_size=5,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(steps=Steps)
def test_everyone_is_told_at_its_deadline(steps: list[tuple[str, int]]) -> None:
    """Whoever comes and goes meanwhile; and one timer is enough."""

    async def test(loop: SteppedLoop) -> None:
        waiting, to_tell = Waiting(loop), list[float]()
        for step, number in steps:
            still = [deadline for deadline in to_tell if deadline > loop.time()]
            if step == "add":
                to_tell.append(loop.time() + 1 + number)
                waiting.add(to_tell[-1])
            elif step == "advance":
                await loop.advance(number)
            elif still:
                waiting.served(still[number % len(still)])
                to_tell.remove(still[number % len(still)])
            assert len(loop.timers()) <= 1
        await loop.advance(100.0)
        assert waiting.told == [(deadline, deadline) for deadline in sorted(to_tell)]

    run_stepped(test)
