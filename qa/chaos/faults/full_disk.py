"""Fill the disk that a server of several workers logs to and keeps its metrics on."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from qa.chaos.bad_requests import bad_requests
from qa.chaos.client import Client
from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.harness.process import NotServing
from qa.harness.server import SERVE, ServerProcess

NAME = "full-disk"
WORKERS = 2
CONNECTIONS = 16
RATE = 100.0
MEGABYTES = 4
SOME = 300
FULL_SECONDS = 5.0
# A small disk of memory that only the server sees, as its TMPDIR and for its log.
_ON_SMALL_DISK = 'mount -t tmpfs -o size="$0"m tmpfs "$TMPDIR" && exec "$@" >"$TMPDIR/log" 2>&1'


async def inject(stage: Stage) -> Finding:
    """Serve from a small disk, and fill it."""
    disk = stage.folder / "disk"
    disk.mkdir()
    command = (*_unshare(), "sh", "-c", _ON_SMALL_DISK, str(MEGABYTES), *SERVE)
    settings = stage.serves | {"TMPDIR": str(disk), "ACCESS_LOG": "true"}
    try:
        async with serving(settings, log=stage.log("mount"), workers=WORKERS, command=command) as server:
            return await _fill_under_load(stage, server, disk)
    except NotServing as error:
        if "mount" in str(error) or "unshare" in str(error):
            raise CannotInject(f"no small disk can be mounted here: {error}") from error
        raise


async def _fill_under_load(stage: Stage, server: ServerProcess, disk: Path) -> Finding:
    workers = server.workers
    inside = Path(f"/proc/{server.pid}/root") / disk.relative_to("/")
    questions, new = stage.book.mixed(), bad_requests(stage.book)
    async with Load(server.port, stage.book, questions, connections=CONNECTIONS, rate=RATE) as load:
        await load.wait_for_answers(SOME)
        _fill(inside / "ballast")
        client = Client(server.port, stage.book, load.ledger)
        # On new connections, and enough of them that every worker gets some of each.
        await asyncio.gather(*(client.ask(question) for question in new * 2 * WORKERS))
        await asyncio.sleep(FULL_SECONDS)
        same = set(workers) & set(server.workers)
        status = await asyncio.to_thread(server.status, "/metrics")
    return of_ledger(
        NAME,
        load.ledger,
        load=f"{WORKERS} workers, no balancer; {load.words}",
        injected=f"the {MEGABYTES} MB tmpfs of TMPDIR and of the log filled to the last page, then "
        f"{len(new)} kinds of errors that the metrics had not counted yet; ACCESS_LOG=true",
        promises=[
            nothing_but_answers(load.ledger.tally()),
            Promise("no worker ends", len(same) == WORKERS, f"{len(same)} of {WORKERS} go on"),
            Promise("/metrics is answered", status == 200, f"{status or 'no answer'}"),
        ],
    )


def _fill(ballast: Path) -> None:
    """Write until there is no room.

    Raises:
        CannotInject: there always is.
    """
    with ballast.open("wb", buffering=0) as file:
        for _ in range(2 * MEGABYTES * 2**20 // 2**10):
            try:
                file.write(bytes(2**10))
            except OSError:
                return
    raise CannotInject("the small disk does not fill up: it is none")


def _unshare() -> tuple[str, ...]:
    program = shutil.which("unshare")
    if program is None:
        raise CannotInject("unshare is not installed (util-linux)")
    return (program, "--mount") if os.geteuid() == 0 else (program, "--map-root-user", "--mount")
