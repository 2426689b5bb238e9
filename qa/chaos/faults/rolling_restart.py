"""Restarts every replica in turn under load, as for a new release: SIGTERM, wait, start."""

from __future__ import annotations

import math
from asyncio import to_thread

from qa.chaos.context import FaultContext
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.fleet import SOME, fleet
from qa.chaos.load import Load

NAME = "rolling-restart"
REPLICAS = 3
CONNECTIONS = 24


async def inject(context: FaultContext) -> Finding:
    """Restart all replicas, one at a time."""
    # 5 as in docker-compose.yml; the balancer needs 1.25 s to notice a drain.
    delay, rate = ("2.5", 150.0) if context.quick else ("5", math.inf)
    codes = []
    async with fleet(context, replicas=REPLICAS, DRAIN_DELAY=delay) as running:
        port, requests = running.balancer.port, context.workload.mixed()
        async with Load(port, context.workload, requests, connections=CONNECTIONS, rate=rate) as load:
            for name, replica in running.replicas.items():
                await running.all_serve(load)
                codes.append(await to_thread(replica.stop))
                replica.start()
                await load.wait_for_responses(SOME, of=name)
        retried = running.retried
    return finding_from(
        NAME,
        load.request_log,
        load=f"HAProxy and {REPLICAS} replicas; {load.description}",
        injected=f"{REPLICAS} restarts by SIGTERM, one replica at a time, DRAIN_DELAY={delay}; "
        f"the balancer retried {retried} requests on another replica",
        promises=[
            all_answered(load.request_log.tally()),
            Promise("every replica exits with code 0", not any(codes), f"exit codes {codes}"),
        ],
    )
