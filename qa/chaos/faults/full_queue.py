"""SIGTERM while the queue is full: admitted requests get responses, then the process exits with 0."""

from __future__ import annotations

import asyncio
import time

from qa.chaos.client import Client
from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, finding_from
from qa.chaos.request_log import RequestLog
from qa.chaos.serving import serving
from qa.harness.server import ServerProcess

NAME = "full-queue"
SERIES = 256
PLACES = 64  # requests of SERIES series that fit into the queue
REQUESTS = 200
ADMITTED = "timeseries_admitted_series_total"
WAITING = "timeseries_queue_series"
REFUSED = 'timeseries_http_requests_total{protocol="native",route="/predict",status="429"}'


async def inject(context: FaultContext) -> Finding:
    """Send more than the queue holds, all at once; send the signal once all are admitted or refused."""
    # No request may expire or be refused for its wait: the machine may be slow, and this tests the signal.
    limits = {"MAX_QUEUE_ROWS": str(SERIES * PLACES), "MAX_QUEUE_SECONDS": "60", "REQUEST_TIMEOUT": "60"}
    settings = context.settings | limits
    request_log = RequestLog()
    async with serving(settings, log=context.log("server")) as server:
        client = Client(server.port, context.workload, request_log, seconds=70)
        request = context.workload.npy(SERIES)
        asking = asyncio.gather(*(client.request(request) for _ in range(REQUESTS)))
        try:
            admitted, waiting = await _all_admitted_or_refused(server)
            code = await asyncio.to_thread(server.stop)
        finally:
            await asking
    tally = request_log.tally()
    return finding_from(
        NAME,
        request_log,
        load=f"1 replica, {REQUESTS} connections, npy of {SERIES} series, all at once",
        injected=f"SIGTERM with {waiting} of {PLACES} requests in the queue",
        promises=[
            Promise(
                "every admitted request gets a response",
                tally.answered == admitted and tally.refused == REQUESTS - admitted,
                f"{admitted} admitted, {tally.answered} answered",
            ),
            Promise("it exits with code 0", code == 0, f"exit code {code}"),
        ],
    )


async def _all_admitted_or_refused(server: ServerProcess) -> tuple[int, int]:
    """Wait until every request is admitted or refused; return how many were admitted and how many still wait.

    Raises:
        CannotInject: most admitted requests already have a response.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        admitted = round(await asyncio.to_thread(server.metric, ADMITTED)) // SERIES
        refused = round(await asyncio.to_thread(server.metric, REFUSED))
        waiting = round(await asyncio.to_thread(server.metric, WAITING)) // SERIES
        if admitted + refused == REQUESTS:
            if waiting < PLACES // 2:
                break
            return admitted, waiting
        await asyncio.sleep(0.01)
    raise CannotInject("the queue emptied before all requests were sent: the machine is too busy")
