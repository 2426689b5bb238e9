"""Kill -9 one of two workers of a server without a balancer; the supervisor makes another."""

from __future__ import annotations

import signal

from chaos.faults.victims import only_their_own, others_go_on, strike
from chaos.finding import Finding, no_wrong_answer, of_ledger
from chaos.load import Load
from chaos.processes import serving
from chaos.stage import Stage

NAME = "killed-worker"
WORKERS = 2
CONNECTIONS = 16
SOME = 50
AGAIN_SECONDS = 2.0
RESTARTS = 'timeseries_worker_restarts_total{reason="crashed"}'


async def inject(stage: Stage) -> Finding:
    """Kill workers, and compare who suffered with who was connected to them."""
    kills = 2 if stage.quick else 6
    victims = []
    async with (
        serving(stage.serves, log=stage.log("server"), workers=WORKERS) as server,
        Load(server.port, stage.book, stage.book.mixed(), connections=CONNECTIONS) as load,
    ):
        for turn in range(kills):
            await load.wait_for_answers(SOME)
            victims.append(await strike(server, signal.SIGKILL, place=turn % WORKERS, restarts=RESTARTS))
        await load.wait_for_answers(SOME)
    return of_ledger(
        NAME,
        load.ledger,
        load=f"{WORKERS} workers, no balancer; {load.words}",
        injected=f"{kills} times kill -9 of a worker; "
        f"{max(victim.whole_after for victim in victims):.1f} s at most until {WORKERS} were ready again",
        promises=[
            no_wrong_answer(load.ledger.tally()),
            only_their_own(load.ledger, victims),
            others_go_on(load.ledger, victims, seconds=AGAIN_SECONDS),
        ],
    )
