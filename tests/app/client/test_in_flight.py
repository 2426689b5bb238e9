"""Requests in flight: how many, and their results in order."""

from __future__ import annotations

import asyncio
import random

import pytest

from app.client.in_flight import MAX_SIZE, InFlightLimit, InOrder


def run(limit: InFlightLimit, *, service: float, servers: int, responses: int = 2000) -> None:
    """Responses of so many servers, each of which takes `service` seconds for a request."""
    for _ in range(responses):
        limit.on_response(service * max(1.0, limit.size / servers), False)


@pytest.mark.parametrize("servers", [1, 2, 8, 16])
def test_the_limit_keeps_all_servers_busy_and_queues_short(servers: int) -> None:
    """A few more in flight than there are servers."""
    limit = InFlightLimit()
    run(limit, service=0.006, servers=servers)
    assert servers + 1 <= limit.size <= servers + 6


def test_refusals_shrink_the_limit_once_for_what_was_in_flight() -> None:
    """Not once for each of them, and never to nothing."""
    limit = InFlightLimit()
    run(limit, service=0.006, servers=16)
    before = limit.size
    for _ in range(before):
        limit.on_response(0.001, True)
    assert before // 2 < limit.size < before
    for _ in range(1000):
        limit.on_response(0.001, True)
    assert limit.size == 1


def test_the_limit_has_a_limit() -> None:
    """Each request in flight holds a body in memory."""
    limit = InFlightLimit()
    run(limit, service=0.006, servers=1000, responses=5000)
    assert limit.size == MAX_SIZE


def test_results_are_in_order_whatever_the_order_of_responses() -> None:
    """And never more in flight than the limit."""
    most = running = 0
    pauses = random.Random(1)  # noqa: S311 - chance that anyone can repeat

    async def send(item: int) -> int:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(pauses.random() / 500)
        running -= 1
        return item

    async def scenario() -> list[int]:
        in_order = InOrder(send, InFlightLimit())
        results: list[int] = []
        for item in range(200):
            results += await in_order.put(item)
        while more := await in_order.take():
            results += more
        return results

    assert asyncio.run(scenario()) == list(range(200))
    assert most == 4


def test_an_error_comes_after_the_results_before_it_and_stops_the_rest() -> None:
    """Nothing is started after it."""
    started: list[int] = []

    async def send(item: int) -> int:
        started.append(item)
        await asyncio.sleep(0)
        if item == 5:
            raise ValueError(item)
        return item

    async def scenario() -> None:
        in_order = InOrder(send, InFlightLimit())
        results: list[int] = []

        async def put_all() -> None:
            for item in range(100):
                results.extend(await in_order.put(item))

        with pytest.raises(ValueError, match="5"):
            await put_all()
        await in_order.cancel()
        assert results == list(range(5))

    asyncio.run(scenario())
    assert len(started) < 12


def test_cancelling_ends_what_is_in_flight() -> None:
    """No task is left behind."""

    async def send(_: int) -> None:
        await asyncio.sleep(60)

    async def scenario() -> int:
        in_order = InOrder(send, InFlightLimit())
        for item in range(4):
            await in_order.put(item)
        await asyncio.sleep(0)
        await in_order.cancel()
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1
