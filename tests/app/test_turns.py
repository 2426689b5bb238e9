"""`app.turns`: numbers that reach Prometheus' client at the end of a turn."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.turns import GatheredHistogram, OpenHistogram, Sums, Turns

BOUNDS = (0.1, 0.5, 1.0)


class Noted:
    """Notes what is added to it."""

    def __init__(self) -> None:
        self.amounts: list[float] = []

    def inc(self, amount: float, /) -> None:
        """Note an amount."""
        self.amounts.append(amount)


def test_what_changes_in_a_turn_is_handed_over_once_at_its_end() -> None:
    """Not at every change, and without anyone asking."""
    turns, first, second = Turns(), Noted(), Noted()
    sums, other = Sums(turns, [first, second]), Sums(turns, [second])

    async def scenario() -> None:
        for _ in range(3):
            sums.change()[0] += 2
            other.change()[0] += 1
        assert first.amounts == []
        await asyncio.sleep(0)
        assert (first.amounts, second.amounts) == ([6], [3])
        sums.change()[1] -= 1
        await asyncio.sleep(0)
        assert (first.amounts, second.amounts) == ([6], [3, -1])

    asyncio.run(scenario())


def test_outside_of_a_loop_nothing_is_lost() -> None:
    """What was counted before the loop runs is handed over by the next flush, or the next turn."""
    turns, noted = Turns(), Noted()
    sums = Sums(turns, [noted])
    sums.change()[0] += 1
    turns.flush()
    sums.change()[0] += 2

    async def scenario() -> None:
        sums.change()[0] += 3
        turns.changed(Sums(turns, []))
        await asyncio.sleep(0)

    asyncio.run(scenario())
    turns.flush()
    assert noted.amounts == [1, 5]


def test_reading_in_the_middle_of_a_turn_sees_all() -> None:
    """A flush that comes early leaves nothing to be counted twice."""
    turns, counter = Turns(), Counter("x", "x", registry=CollectorRegistry())
    sums = Sums(turns, [counter])

    async def scenario() -> None:
        sums.change()[0] += 1
        turns.flush()
        sums.change()[0] += 1
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert counter._value.get() == 2


@given(st.lists(st.floats(0, 2) | st.sampled_from(BOUNDS), max_size=30), st.integers(1, 7))
def test_observations_are_those_that_the_client_would_make(values: list[float], turn: int) -> None:
    """Buckets, count and sum, however many observations there are in a turn."""
    turns, registry, expected = Turns(), CollectorRegistry(), CollectorRegistry()
    gathered = GatheredHistogram(turns, OpenHistogram("x", "x", buckets=BOUNDS, registry=registry), BOUNDS)
    one_by_one = Histogram("x", "x", buckets=BOUNDS, registry=expected)
    for number, value in enumerate(values):
        gathered.observe(value)
        one_by_one.observe(value)
        if number % turn == 0:
            turns.flush()
    turns.flush()
    for metric in expected.collect():
        for sample in metric.samples:
            if not sample.name.endswith("_created"):
                found = registry.get_sample_value(sample.name, sample.labels)
                assert found == pytest.approx(sample.value, rel=1e-12)
