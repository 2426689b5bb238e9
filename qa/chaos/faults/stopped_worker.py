"""Stops (SIGSTOP) one of two workers: its connections hang until the supervisor replaces it."""

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
from qa.chaos.finding import Finding, Promise, finding_from, no_wrong_answer
from qa.chaos.request_log import RequestLog

NAME = "stopped-worker"
WORKER_TIMEOUT = 1.0
REQUEST_TIMEOUT = 5.0
RESTARTS = 'timeseries_worker_restarts_total{reason="hung"}'


async def inject(context: FaultContext) -> Finding:
    """Stop workers; measure how long requests wait."""
    stops = 1 if context.quick else 4
    settings = context.settings | {
        "WORKER_TIMEOUT": str(WORKER_TIMEOUT),
        "REQUEST_TIMEOUT": str(REQUEST_TIMEOUT),
    }
    load, signalled = await signal_in_turn(context, settings, signal.SIGSTOP, times=stops, restarts=RESTARTS)
    return finding_from(
        NAME,
        load.request_log,
        load=load_text(load),
        injected=f"{stops} times SIGSTOP of a worker, WORKER_TIMEOUT={WORKER_TIMEOUT:g}; "
        f"{recovery_text(signalled)}",
        promises=[
            no_wrong_answer(load.request_log.tally()),
            only_its_requests_fail(load.request_log, signalled),
            _no_request_exceeds_deadline(load.request_log),
            others_are_served(load.request_log, signalled, seconds=REQUEST_TIMEOUT),
        ],
    )


def _no_request_exceeds_deadline(request_log: RequestLog) -> Promise:
    longest = max(entry.seconds for entry in request_log.entries)
    return Promise(
        f"no request waits longer than its deadline of {REQUEST_TIMEOUT:g} s",
        longest < REQUEST_TIMEOUT,
        f"at most {longest:.1f} s",
    )
