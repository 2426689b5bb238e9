"""Kills (kill -9) replicas under load; the balancer uses another."""

from __future__ import annotations

import asyncio
import math
import time

from qa.chaos.context import FaultContext
from qa.chaos.finding import Finding, all_answered, finding_from
from qa.chaos.fleet import SOME, fleet
from qa.chaos.load import Load

NAME = "killed-replica"
CONNECTIONS = 24
# Seconds that a replica stays dead: enough for the balancer to notice, so that both times are seen.
DEAD_SECONDS = 1.0


async def inject(
    context: FaultContext, *, replicas: int = 3, kills: int | None = None, rate: float | None = None
) -> Finding:
    """Kill and restart one replica after the other.

    Args:
        context: input of the fault.
        replicas: two or three.
        kills: total number of kills.
        rate: requests per second.
    """
    kills = kills or (2 if context.quick else 10)
    rate = rate or (150.0 if context.quick else math.inf)
    back: list[float] = []
    async with fleet(context, replicas=replicas) as running:
        port, requests = running.balancer.port, context.workload.mixed()
        async with Load(port, context.workload, requests, connections=CONNECTIONS, rate=rate) as load:
            for turn in range(kills):
                name = list(running.replicas)[turn % replicas]
                await running.all_serve(load)
                await asyncio.to_thread(running.replicas[name].kill)
                await asyncio.sleep(DEAD_SECONDS)
                started = time.monotonic()
                running.replicas[name].start()
                await load.wait_for_responses(SOME, of=name)
                back.append(time.monotonic() - started)
        retried = running.retried
    return finding_from(
        NAME,
        load.request_log,
        load=f"HAProxy and {replicas} replicas; {load.description}",
        injected=f"{kills} times kill -9 of a replica, restarted and serving again within {max(back):.1f} s; "
        f"the balancer retried {retried} requests on another replica",
        promises=[all_answered(load.request_log.tally())],
    )
