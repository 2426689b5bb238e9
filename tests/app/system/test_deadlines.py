"""`app.system.deadlines`: many deadlines on one timer, none early or late."""

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
    """Pending deadlines and their `DeadlineTimer`.

    Attributes:
        expired: each expired deadline, and when it was handled.
        checks: number of calls of `_expire`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.expired: list[tuple[float, float]] = []
        self.checks = 0
        self._loop = loop
        self._deadlines: list[float] = []
        self.timer = DeadlineTimer(loop, self._expire)

    def add(self, *deadlines: float) -> None:
        """Add pending deadlines."""
        for deadline in deadlines:
            self._deadlines.append(deadline)
            self.timer.watch(deadline)

    def served(self, deadline: float) -> None:
        """Remove a deadline without a call of the timer."""
        self._deadlines.remove(deadline)

    def _expire(self, now: float) -> float:
        self.checks += 1
        assert self.checks < 1000, "endless checks"
        due = sorted(deadline for deadline in self._deadlines if deadline <= now)
        self._deadlines = [deadline for deadline in self._deadlines if deadline > now]
        self.expired += [(deadline, self._loop.time()) for deadline in due]
        return min(self._deadlines, default=math.inf)


@stepped
async def test_one_timer_serves_many_deadlines(loop: SteppedLoop) -> None:
    """Each expires at its own time, and there is never more than one timer."""
    waiting = Waiting(loop)
    waiting.add(3.0, 5.0, 4.0, 5.0)
    assert loop.timers() == [3.0]
    await loop.advance(3.5)
    assert loop.timers() == [4.0]
    await loop.advance(10.0)
    assert waiting.expired == [(3.0, 3.0), (4.0, 4.0), (5.0, 5.0), (5.0, 5.0)]
    assert waiting.checks == 3


@stepped
async def test_an_earlier_deadline_moves_the_timer(loop: SteppedLoop) -> None:
    """A later one may be the earliest to expire."""
    waiting = Waiting(loop)
    waiting.add(5.0)
    await loop.advance(1.0)
    waiting.add(2.0)
    assert loop.timers() == [2.0]
    await loop.advance(1.0)
    assert waiting.expired == [(2.0, 2.0)]
    assert loop.timers() == [5.0]
    await loop.advance(3.0)
    assert waiting.expired == [(2.0, 2.0), (5.0, 5.0)]


@stepped
async def test_a_timer_in_vain_looks_for_the_next_deadline(loop: SteppedLoop) -> None:
    """Removed deadlines are skipped; without deadlines there is no timer."""
    waiting = Waiting(loop)
    waiting.add(1.0, 2.0)
    waiting.served(1.0)
    await loop.advance(1.0)
    assert (waiting.expired, loop.timers()) == ([], [2.0])
    waiting.served(2.0)
    await loop.advance(5.0)
    assert (waiting.expired, loop.timers(), waiting.checks) == ([], [], 2)


@stepped
async def test_it_can_be_used_again_without_pending_deadlines(loop: SteppedLoop) -> None:
    """The first deadline after a pause starts the timer again."""
    waiting = Waiting(loop)
    for deadline in (1.0, 2.0):
        waiting.add(deadline)
        await loop.advance(1.0)
    assert waiting.expired == [(1.0, 1.0), (2.0, 2.0)]


@stepped
async def test_after_cancel_no_deadline_expires(loop: SteppedLoop) -> None:
    """No timer is left; a second cancel is harmless; a new deadline starts the timer again."""
    waiting = Waiting(loop)
    waiting.timer.cancel()
    waiting.add(1.0)
    waiting.timer.cancel()
    waiting.timer.cancel()
    assert loop.timers() == []
    await loop.advance(2.0)
    assert waiting.expired == []
    waiting.add(3.0)
    await loop.advance(1.0)
    assert waiting.expired == [(1.0, 3.0), (3.0, 3.0)]


@stepped
async def test_a_past_deadline_expires_in_the_next_iteration(loop: SteppedLoop) -> None:
    """Also one that passed while the loop was blocked."""
    waiting = Waiting(loop)
    waiting.add(1.0, 2.0, 9.0)
    loop.jump(3.0)
    waiting.add(2.5)
    assert waiting.expired == []
    await loop.idle()
    assert waiting.expired == [(1.0, 3.0), (2.0, 3.0), (2.5, 3.0)]
    assert loop.timers() == [9.0]
    waiting.timer.cancel()


class Early:
    """A loop whose timers fire up to 1 ms early, as those of uvloop."""

    def __init__(self, loop: SteppedLoop) -> None:
        self._loop = loop
        self.time = loop.time

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Set a timer, rounded down to a millisecond."""
        return self._loop.call_at(math.floor(when * 1000) / 1000, callback, *args)


@stepped
async def test_a_timer_that_goes_off_early_goes_off_once(loop: SteppedLoop) -> None:
    """It counts as due; otherwise the timer would be set again and again for 1 ms."""
    waiting = Waiting(cast("asyncio.AbstractEventLoop", Early(loop)))
    waiting.add(1.0006, 1.0009, 2.0)
    await loop.advance(1.0)
    assert (waiting.expired, waiting.checks) == ([(1.0006, 1.0), (1.0009, 1.0)], 2)
    await loop.advance(1.0)
    assert waiting.expired[2:] == [(2.0, 2.0)]


Steps = st.lists(
    st.tuples(st.sampled_from(["add", "add", "served", "advance"]), st.integers(0, 8)),
    min_size=5,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(steps=Steps)
def test_every_deadline_expires_in_time(steps: list[tuple[str, int]]) -> None:
    """With any order of additions and removals, on one timer."""

    async def test(loop: SteppedLoop) -> None:
        waiting, to_expire = Waiting(loop), list[float]()
        for step, number in steps:
            still = [deadline for deadline in to_expire if deadline > loop.time()]
            if step == "add":
                to_expire.append(loop.time() + 1 + number)
                waiting.add(to_expire[-1])
            elif step == "advance":
                await loop.advance(number)
            elif still:
                waiting.served(still[number % len(still)])
                to_expire.remove(still[number % len(still)])
            assert len(loop.timers()) <= 1
        await loop.advance(100.0)
        assert waiting.expired == [(deadline, deadline) for deadline in sorted(to_expire)]

    run_stepped(test)
