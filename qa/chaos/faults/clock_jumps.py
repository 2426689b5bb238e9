"""Shifts the wall clock of a server by an hour, forth and back, while it serves.

The machine's clock must not be changed, and a time namespace does not shift the wall clock. So the server
preloads a library that replaces the C library's clock functions: `clock.c`, compiled here.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.harness.server import ServerProcess

NAME = "clock-jumps"
WORKERS = 2
CONNECTIONS = 16
RATE = 100.0
SECONDS = 3600
# The Date header is updated once a second.
PAUSE_SECONDS = 2.5


async def inject(context: FaultContext) -> Finding:
    """Serve under a clock that jumps."""
    jumps = 4 if context.quick else 12
    shift = context.folder / "shift"
    _set(shift, 0)
    library = await asyncio.to_thread(_compile, context.folder / "clock.so")
    settings = context.settings | {
        "LD_PRELOAD": str(library),
        "CLOCK_SHIFT": str(shift),
        "WORKER_TIMEOUT": "5",
    }
    seen = []
    async with serving(settings, log=context.log("server"), workers=WORKERS) as server:
        before, requests = server.workers, context.workload.mixed()
        async with Load(server.port, context.workload, requests, connections=CONNECTIONS, rate=RATE) as load:
            for turn in range(jumps):
                _set(shift, (SECONDS, 0, -SECONDS, 0)[turn % 4])
                await asyncio.sleep(PAUSE_SECONDS)
                seen.append(await _hours_off(server))
            same = server.workers == before
    if sorted(set(seen)) != [-1, 0, 1]:
        raise CannotInject(f"the server's clock did not jump: its responses were off by {seen} hours")
    return finding_from(
        NAME,
        load.request_log,
        load=f"{WORKERS} workers, no balancer; {load.description}",
        injected=f"{jumps} jumps of the wall clock, by an hour, by a preloaded library; the Date "
        "header followed each",
        promises=[
            all_answered(load.request_log.tally()),
            Promise("no worker is replaced", same, f"{WORKERS} workers"),
        ],
    )


def _set(shift: Path, seconds: int) -> None:
    """Shift the clock of all processes that have mapped the file; it is changed in place."""
    with shift.open("r+b" if shift.exists() else "w+b", buffering=0) as file:
        file.write(seconds.to_bytes(8, "little", signed=True))


async def _hours_off(server: ServerProcess) -> int:
    response = await asyncio.to_thread(server.get, "/readyz")
    date = parsedate_to_datetime(response.headers["date"])
    return round((date - datetime.now(UTC)).total_seconds() / 3600)


def _compile(library: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotInject("no C compiler is installed; the clock library needs one")
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CannotInject(f"the library that shifts the clock does not compile: {result.stderr[:300]}")
    return library
