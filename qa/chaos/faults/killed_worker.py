"""Kills (kill -9) one of two workers of a server without a balancer; the supervisor replaces it."""

from __future__ import annotations

import signal

from qa.chaos.context import FaultContext
from qa.chaos.faults.signalled_workers import (
    load_text,
    only_its_requests_fail,
    others_are_served,
    recovery_text,
    signal_in_turn,
)
from qa.chaos.finding import Finding, finding_from, no_wrong_answer

NAME = "killed-worker"
AGAIN_SECONDS = 2.0
RESTARTS = 'timeseries_worker_restarts_total{reason="crashed"}'


async def inject(context: FaultContext) -> Finding:
    """Kill workers; compare the failed requests with the workers' connections."""
    kills = 2 if context.quick else 6
    load, signalled = await signal_in_turn(
        context, context.settings, signal.SIGKILL, times=kills, restarts=RESTARTS
    )
    return finding_from(
        NAME,
        load.request_log,
        load=load_text(load),
        injected=f"{kills} times kill -9 of a worker; {recovery_text(signalled)}",
        promises=[
            no_wrong_answer(load.request_log.tally()),
            only_its_requests_fail(load.request_log, signalled),
            others_are_served(load.request_log, signalled, seconds=AGAIN_SECONDS),
        ],
    )
