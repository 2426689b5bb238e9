"""SIGSTOP one of two workers: it holds its connections and says nothing, until the supervisor replaces it."""

from __future__ import annotations

import signal

from qa.chaos.faults.victims import load_held, only_their_own, others_go_on, strike_in_turn, whole_again
from qa.chaos.finding import Finding, Promise, no_wrong_answer, of_ledger
from qa.chaos.ledger import Ledger
from qa.chaos.stage import Stage

NAME = "stopped-worker"
WORKER_TIMEOUT = 1.0
REQUEST_TIMEOUT = 5.0
RESTARTS = 'timeseries_worker_restarts_total{reason="hung"}'


async def inject(stage: Stage) -> Finding:
    """Stop workers, and look how long anybody waits."""
    stops = 1 if stage.quick else 4
    settings = stage.serves | {"WORKER_TIMEOUT": str(WORKER_TIMEOUT), "REQUEST_TIMEOUT": str(REQUEST_TIMEOUT)}
    load, victims = await strike_in_turn(stage, settings, signal.SIGSTOP, times=stops, restarts=RESTARTS)
    return of_ledger(
        NAME,
        load.ledger,
        load=load_held(load),
        injected=f"{stops} times SIGSTOP of a worker, WORKER_TIMEOUT={WORKER_TIMEOUT:g}; "
        f"{whole_again(victims)}",
        promises=[
            no_wrong_answer(load.ledger.tally()),
            only_their_own(load.ledger, victims),
            _nobody_waits_too_long(load.ledger),
            others_go_on(load.ledger, victims, seconds=REQUEST_TIMEOUT),
        ],
    )


def _nobody_waits_too_long(ledger: Ledger) -> Promise:
    longest = max(entry.seconds for entry in ledger.entries)
    return Promise(
        f"no request waits past its deadline of {REQUEST_TIMEOUT:g} s",
        longest < REQUEST_TIMEOUT,
        f"{longest:.1f} s at most",
    )
