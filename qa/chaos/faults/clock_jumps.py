"""Set the wall clock of a server an hour forth and back, again and again, while it serves.

A machine's clock is not this command's to set, and a time namespace shifts other clocks only. So the server's
processes load a library that answers for the C library's clock: `clock.c`, compiled here.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.harness.server import ServerProcess

NAME = "clock-jumps"
WORKERS = 2
CONNECTIONS = 16
RATE = 100.0
SECONDS = 3600
# The header Date is made anew once a second.
PAUSE_SECONDS = 2.5


async def inject(stage: Stage) -> Finding:
    """Serve under a clock that jumps."""
    jumps = 4 if stage.quick else 12
    shift = stage.folder / "shift"
    _set(shift, 0)
    library = await asyncio.to_thread(_compile, stage.folder / "clock.so")
    settings = stage.serves | {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift), "WORKER_TIMEOUT": "5"}
    seen = []
    async with serving(settings, log=stage.log("server"), workers=WORKERS) as server:
        before, questions = server.workers, stage.book.mixed()
        async with Load(server.port, stage.book, questions, connections=CONNECTIONS, rate=RATE) as load:
            for turn in range(jumps):
                _set(shift, (SECONDS, 0, -SECONDS, 0)[turn % 4])
                await asyncio.sleep(PAUSE_SECONDS)
                seen.append(await _hours_off(server))
            same = server.workers == before
    if sorted(set(seen)) != [-1, 0, 1]:
        raise CannotInject(f"the server's clock did not jump: its answers were off by {seen} hours")
    return of_ledger(
        NAME,
        load.ledger,
        load=f"{WORKERS} workers, no balancer; {load.words}",
        injected=f"{jumps} jumps of the wall clock, an hour forth and back, by a preloaded library; the "
        "header Date followed each",
        promises=[
            nothing_but_answers(load.ledger.tally()),
            Promise("no worker is replaced", same, f"{WORKERS} workers"),
        ],
    )


def _set(shift: Path, seconds: int) -> None:
    """Shift the clock of all who have mapped the file: it is changed in place."""
    with shift.open("r+b" if shift.exists() else "w+b", buffering=0) as file:
        file.write(seconds.to_bytes(8, "little", signed=True))


async def _hours_off(server: ServerProcess) -> int:
    response = await asyncio.to_thread(server.get, "/readyz")
    date = parsedate_to_datetime(response.headers["date"])
    return round((date - datetime.now(UTC)).total_seconds() / 3600)


def _compile(library: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotInject("no C compiler, so no library that shifts the clock")
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CannotInject(f"the library that shifts the clock does not compile: {result.stderr[:300]}")
    return library
