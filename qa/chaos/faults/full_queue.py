"""SIGTERM while the queue is full: what was admitted is answered, and then the process ends with 0."""

from __future__ import annotations

import asyncio
import time

from qa.chaos.client import Client
from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, of_ledger
from qa.chaos.ledger import Ledger
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.harness.server import ServerProcess

NAME = "full-queue"
SERIES = 256
PLACES = 64  # requests of so many series that the queue holds
REQUESTS = 200
ADMITTED = "timeseries_admitted_series_total"
WAITING = "timeseries_queue_series"
REFUSED = 'timeseries_http_requests_total{protocol="native",route="/predict",status="429"}'


async def inject(stage: Stage) -> Finding:
    """Send more than the queue holds, all at once, and the signal once all of it has been taken in."""
    # No request expires or is refused for its wait: the machine may be slow, and this is about the signal.
    limits = {"MAX_QUEUE_ROWS": str(SERIES * PLACES), "MAX_QUEUE_SECONDS": "60", "REQUEST_TIMEOUT": "60"}
    settings = stage.serves | limits
    ledger = Ledger()
    async with serving(settings, log=stage.log("server")) as server:
        client = Client(server.port, stage.book, ledger, seconds=70)
        question = stage.book.npy(SERIES)
        asking = asyncio.gather(*(client.ask(question) for _ in range(REQUESTS)))
        try:
            admitted, waiting = await _all_taken_in(server)
            code = await asyncio.to_thread(server.stop)
        finally:
            await asking
    tally = ledger.tally()
    return of_ledger(
        NAME,
        ledger,
        load=f"1 replica, {REQUESTS} connections, npy of {SERIES} series, all at once",
        injected=f"SIGTERM with {waiting} of {PLACES} places in the queue taken",
        promises=[
            Promise(
                "every admitted request answered",
                tally.answered == admitted and tally.refused == REQUESTS - admitted,
                f"{admitted} admitted, {tally.answered} answered",
            ),
            Promise("it ends with 0", code == 0, f"exit code {code}"),
        ],
    )


async def _all_taken_in(server: ServerProcess) -> tuple[int, int]:
    """Wait until every request was admitted or refused; how many were admitted, and how many of them wait.

    Raises:
        CannotInject: that took so long that most of what was admitted has been answered.
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
    raise CannotInject("the queue was empty again before everything had been sent: the machine is too busy")
