"""Kill -9 a replica under load, again and again; the balancer asks another."""

from __future__ import annotations

import asyncio
import math
import time

from qa.chaos.finding import Finding, nothing_but_answers, of_ledger
from qa.chaos.fleet import SOME, fleet
from qa.chaos.load import Load
from qa.chaos.stage import Stage

NAME = "killed-replica"
CONNECTIONS = 24
# Seconds that a replica stays dead: enough for the balancer to notice, so that both times are seen.
DEAD_SECONDS = 1.0


async def inject(
    stage: Stage, *, replicas: int = 3, kills: int | None = None, rate: float | None = None
) -> Finding:
    """Kill one replica after the other, and start each again.

    Args:
        stage: where.
        replicas: two or three.
        kills: of all of them together.
        rate: requests a second.
    """
    kills = kills or (2 if stage.quick else 10)
    rate = rate or (150.0 if stage.quick else math.inf)
    back: list[float] = []
    async with fleet(stage, replicas=replicas) as running:
        port, questions = running.balancer.port, stage.book.mixed()
        async with Load(port, stage.book, questions, connections=CONNECTIONS, rate=rate) as load:
            for turn in range(kills):
                name = list(running.replicas)[turn % replicas]
                await running.all_answer(load)
                await asyncio.to_thread(running.replicas[name].kill)
                await asyncio.sleep(DEAD_SECONDS)
                started = time.monotonic()
                running.replicas[name].start()
                await load.wait_for_answers(SOME, of=name)
                back.append(time.monotonic() - started)
        sent_again = running.sent_again
    return of_ledger(
        NAME,
        load.ledger,
        load=f"HAProxy and {replicas} replicas; {load.words}",
        injected=f"{kills} times kill -9 of a replica, started again and back in at most {max(back):.1f} s; "
        f"the balancer sent {sent_again} requests to another replica",
        promises=[nothing_but_answers(load.ledger.tally())],
    )
