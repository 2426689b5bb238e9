"""Kill -9 one of two workers of a server without a balancer; the supervisor makes another."""

from __future__ import annotations

import signal

from qa.chaos.faults.victims import load_held, only_their_own, others_go_on, strike_in_turn, whole_again
from qa.chaos.finding import Finding, no_wrong_answer, of_ledger
from qa.chaos.stage import Stage

NAME = "killed-worker"
AGAIN_SECONDS = 2.0
RESTARTS = 'timeseries_worker_restarts_total{reason="crashed"}'


async def inject(stage: Stage) -> Finding:
    """Kill workers, and compare who suffered with who was connected to them."""
    kills = 2 if stage.quick else 6
    load, victims = await strike_in_turn(stage, stage.serves, signal.SIGKILL, times=kills, restarts=RESTARTS)
    return of_ledger(
        NAME,
        load.ledger,
        load=load_held(load),
        injected=f"{kills} times kill -9 of a worker; {whole_again(victims)}",
        promises=[
            no_wrong_answer(load.ledger.tally()),
            only_their_own(load.ledger, victims),
            others_go_on(load.ledger, victims, seconds=AGAIN_SECONDS),
        ],
    )
