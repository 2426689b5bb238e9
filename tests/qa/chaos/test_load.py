"""A load under a server that fails now and then."""

from __future__ import annotations

import asyncio
import math

from qa.chaos.load import Load
from qa.chaos.workload import Workload
from tests.qa.chaos.misbehaving import PROBLEM, Reply, http, misbehaving, predictions, problem

ENOUGH = 60


def test_every_request_of_a_load_has_its_outcome(workload: Workload) -> None:
    """Of a server that refuses, breaks off, cuts and lies, each request is counted as what it got."""
    requests = [workload.json(1, seed=seed) for seed in range(8)]
    right = {request.body: predictions(workload, request.expected) for request in requests}
    wrong = {request.body: predictions(workload, 1 - request.expected) for request in requests}
    served = [0] * 10

    def behaviour(number: int, me: str, body: bytes) -> Reply:
        served[number % 10] += 1
        match number % 10:
            case 3:
                return Reply(http(429, me, problem(429, me), PROBLEM))
            case 5:
                return Reply(http(200, me, right[body])[:-1], closes=True)
            case 7:
                return Reply(b"", closes=True)
            case 9:
                return Reply(http(200, me, wrong[body]))
        return Reply(http(200, me, right[body]))

    async def scenario() -> Load:
        async with misbehaving(behaviour) as port, Load(port, workload, requests, connections=4) as load:
            await load.wait_for_responses(ENOUGH)
        return load

    tally = asyncio.run(scenario()).request_log.tally()
    assert tally.sent == sum(served)
    assert (tally.refused, tally.failed, tally.lost, tally.wrong) == (
        served[3],
        served[5],
        served[7],
        served[9],
    )
    assert tally.answered >= ENOUGH


def test_a_load_keeps_to_its_rate(workload: Workload) -> None:
    """No more is asked in a second than was wanted, however fast the answers come."""
    request = workload.json(1)

    def behaviour(_: int, me: str, __: bytes) -> Reply:
        return Reply(http(200, me, predictions(workload, request.expected)))

    async def scenario(rate: float) -> float:
        async with (
            misbehaving(behaviour) as port,
            Load(port, workload, [request], connections=4, rate=rate) as load,
        ):
            await load.wait_for_responses(20)
        return load.request_log.rate()

    # At most, because a busy machine may be slower; the first of each connection are early.
    assert asyncio.run(scenario(40.0)) <= 60.0
    assert asyncio.run(scenario(math.inf)) > 60.0


def test_a_load_says_what_it_is(workload: Workload) -> None:
    """Connections, forms and sizes, for the report."""
    load = Load(1, workload, [workload.json(32), workload.json(1), workload.npy(2)], connections=3)
    assert load.description == "3 connections; JSON of 1, 32 series; npy of 2 series"
