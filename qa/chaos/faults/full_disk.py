"""Fills the disk of a server's log and metrics, with several workers."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from qa.chaos.bad_requests import bad_requests
from qa.chaos.client import Client
from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.harness.process import NotServing
from qa.harness.server import SERVE, ServerProcess

NAME = "full-disk"
WORKERS = 2
CONNECTIONS = 16
RATE = 100.0
MEGABYTES = 4
SOME = 300
FULL_SECONDS = 5.0
# A small tmpfs that only the server sees, for its TMPDIR and its log.
_ON_SMALL_DISK = 'mount -t tmpfs -o size="$0"m tmpfs "$TMPDIR" && exec "$@" >"$TMPDIR/log" 2>&1'


async def inject(context: FaultContext) -> Finding:
    """Serve from a small disk, and fill it."""
    disk = context.folder / "disk"
    disk.mkdir()
    command = (*_unshare(), "sh", "-c", _ON_SMALL_DISK, str(MEGABYTES), *SERVE)
    settings = context.settings | {"TMPDIR": str(disk), "ACCESS_LOG": "true"}
    try:
        async with serving(settings, log=context.log("mount"), workers=WORKERS, command=command) as server:
            return await _fill_under_load(context, server, disk)
    except NotServing as error:
        if "mount" in str(error) or "unshare" in str(error):
            raise CannotInject(f"no small disk can be mounted here: {error}") from error
        raise


async def _fill_under_load(context: FaultContext, server: ServerProcess, disk: Path) -> Finding:
    workers = server.workers
    inside = Path(f"/proc/{server.pid}/root") / disk.relative_to("/")
    requests, new = context.workload.mixed(), bad_requests(context.workload)
    async with Load(server.port, context.workload, requests, connections=CONNECTIONS, rate=RATE) as load:
        await load.wait_for_responses(SOME)
        _fill(inside / "ballast")
        client = Client(server.port, context.workload, load.request_log)
        # On new connections, enough that every worker gets some of each kind.
        await asyncio.gather(*(client.request(request) for request in new * 2 * WORKERS))
        await asyncio.sleep(FULL_SECONDS)
        same = set(workers) & set(server.workers)
        status = await asyncio.to_thread(server.status, "/metrics")
    return finding_from(
        NAME,
        load.request_log,
        load=f"{WORKERS} workers, no balancer; {load.description}",
        injected=f"the {MEGABYTES} MB tmpfs of TMPDIR and of the log filled completely, then "
        f"{len(new)} kinds of errors without a metric series yet; ACCESS_LOG=true",
        promises=[
            all_answered(load.request_log.tally()),
            Promise("no worker exits", len(same) == WORKERS, f"{len(same)} of {WORKERS} running"),
            Promise("/metrics responds", status == 200, f"{status or 'no response'}"),
        ],
    )


def _fill(ballast: Path) -> None:
    """Write until the disk is full.

    Raises:
        CannotInject: it does not fill up.
    """
    with ballast.open("wb", buffering=0) as file:
        for _ in range(2 * MEGABYTES * 2**20 // 2**10):
            try:
                file.write(bytes(2**10))
            except OSError:
                return
    raise CannotInject("the small disk does not fill up: it was not mounted")


def _unshare() -> tuple[str, ...]:
    program = shutil.which("unshare")
    if program is None:
        raise CannotInject("unshare is not installed (util-linux)")
    return (program, "--mount") if os.geteuid() == 0 else (program, "--map-root-user", "--mount")
