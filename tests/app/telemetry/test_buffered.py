"""`app.telemetry.buffered`: numbers that reach Prometheus' client a little later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.telemetry.buffered import BufferedCounters, BufferedHistogram, MetricsBuffer, RawHistogram

BOUNDS = (0.1, 0.5, 1.0)


class Noted:
    """Notes what is added to it."""

    def __init__(self) -> None:
        self.amounts: list[float] = []

    def inc(self, amount: float, /) -> None:
        """Note an amount."""
        self.amounts.append(amount)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


def test_changes_are_flushed_together_after_a_short_time() -> None:
    """Not at every change, and without anyone asking."""
    buffer, first, second = MetricsBuffer(), Noted(), Noted()
    sums, other = BufferedCounters(buffer, [first, second]), BufferedCounters(buffer, [second])

    async def scenario() -> None:
        for _ in range(3):
            sums.change()[0] += 2
            other.change()[0] += 1
        assert first.amounts == []
        await until(lambda: bool(first.amounts))
        assert (first.amounts, second.amounts) == ([6], [3])
        sums.change()[1] -= 1
        await until(lambda: len(second.amounts) > 1)
        assert (first.amounts, second.amounts) == ([6], [3, -1])

    asyncio.run(scenario())


def test_outside_of_a_loop_nothing_is_lost() -> None:
    """What was counted before the loop runs is handed over at a flush, or with what is counted next."""
    buffer, noted = MetricsBuffer(), Noted()
    sums = BufferedCounters(buffer, [noted])
    sums.change()[0] += 1
    buffer.flush()
    sums.change()[0] += 2

    async def scenario() -> None:
        sums.change()[0] += 3
        buffer.add(BufferedCounters(buffer, []))
        await until(lambda: len(noted.amounts) > 1)

    asyncio.run(scenario())
    assert noted.amounts == [1, 5]


def test_reading_in_between_sees_all() -> None:
    """A flush that comes early leaves nothing to be counted twice."""
    buffer, counter = MetricsBuffer(), Counter("x", "x", registry=CollectorRegistry())
    sums = BufferedCounters(buffer, [counter])

    async def scenario() -> None:
        sums.change()[0] += 1
        buffer.flush()
        sums.change()[0] += 1
        await until(lambda: counter._value.get() > 1)

    asyncio.run(scenario())
    assert counter._value.get() == 2


@given(st.lists(st.floats(0, 2) | st.sampled_from(BOUNDS), max_size=30), st.integers(1, 7))
def test_observations_are_those_that_the_client_would_make(values: list[float], together: int) -> None:
    """Buckets, count and sum, however many observations there are in a turn."""
    buffer, registry, expected = MetricsBuffer(), CollectorRegistry(), CollectorRegistry()
    gathered = BufferedHistogram(buffer, RawHistogram("x", "x", buckets=BOUNDS, registry=registry), BOUNDS)
    one_by_one = Histogram("x", "x", buckets=BOUNDS, registry=expected)
    for number, value in enumerate(values):
        gathered.observe(value)
        one_by_one.observe(value)
        if number % together == 0:
            buffer.flush()
    buffer.flush()
    for metric in expected.collect():
        for sample in metric.samples:
            if not sample.name.endswith("_created"):
                found = registry.get_sample_value(sample.name, sample.labels)
                assert found == pytest.approx(sample.value, rel=1e-12)
