"""Restart every replica in its turn under load, as a new release does: SIGTERM, wait, start."""

from __future__ import annotations

import math
from asyncio import to_thread

from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.fleet import SOME, fleet
from qa.chaos.load import Load
from qa.chaos.stage import Stage

NAME = "rolling-restart"
REPLICAS = 3
CONNECTIONS = 24


async def inject(stage: Stage) -> Finding:
    """Restart all replicas, one at a time."""
    # 5 as in docker-compose.yml; the balancer needs 1.25 s to notice.
    delay, rate = ("2.5", 150.0) if stage.quick else ("5", math.inf)
    codes = []
    async with fleet(stage, replicas=REPLICAS, DRAIN_DELAY=delay) as running:
        port, questions = running.balancer.port, stage.book.mixed()
        async with Load(port, stage.book, questions, connections=CONNECTIONS, rate=rate) as load:
            for name, replica in running.replicas.items():
                await running.all_answer(load)
                codes.append(await to_thread(replica.stop))
                replica.start()
                await load.wait_for_answers(SOME, of=name)
        sent_again = running.sent_again
    return of_ledger(
        NAME,
        load.ledger,
        load=f"HAProxy and {REPLICAS} replicas; {load.words}",
        injected=f"{REPLICAS} restarts by SIGTERM, one replica at a time, DRAIN_DELAY={delay}; "
        f"the balancer sent {sent_again} requests to another replica",
        promises=[
            nothing_but_answers(load.ledger.tally()),
            Promise("every replica ends with 0", not any(codes), f"exit codes {codes}"),
        ],
    )
