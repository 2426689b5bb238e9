"""`python -m qa.side_by_side NAME=COMMAND ...`: run commands at the same time.

The output of the first is shown as it comes, that of each other one when it ends, so that their lines do not
mix. Each has its own folder for temporary files and its own share of the ports that test servers use. The
exit code is 0 if all of them succeed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from qa.harness.server import PORTS_VARIABLE

_POLL_SECONDS = 0.1


def main(arguments: Sequence[str]) -> int:
    """Run the commands; returns the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="side-by-side-"))
    signal.signal(signal.SIGTERM, _interrupt)
    running: dict[str, subprocess.Popen[bytes]] = {}
    failed = []
    try:
        for number, argument in enumerate(arguments):
            name, _, command = argument.partition("=")
            running[name] = _start(
                shlex.split(command), folder / name, part=f"{number}/{len(arguments)}", is_shown=not number
            )
        while running:
            time.sleep(_POLL_SECONDS)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                code = running.pop(name).returncode
                _show(folder / name, f"{name}: exit code {code}")
                if code:
                    failed.append(name)
    finally:
        for process in running.values():
            process.send_signal(signal.SIGINT)  # pytest tears its fixtures down: no server is left running
        for process in running.values():
            process.wait()
    if failed:
        print(f"failed: {', '.join(failed)}; temporary files: {folder}", flush=True)
        return 1
    shutil.rmtree(folder)
    return 0


def _start(command: Sequence[str], folder: Path, *, part: str, is_shown: bool) -> subprocess.Popen[bytes]:
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder), PORTS_VARIABLE: part}
    if is_shown:
        return subprocess.Popen(command, env=environment)
    with _log(folder).open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)


def _show(folder: Path, line: str) -> None:
    print(f"--- {line}", flush=True)
    if _log(folder).exists():
        sys.stdout.buffer.write(_log(folder).read_bytes())
        sys.stdout.flush()


def _log(folder: Path) -> Path:
    return folder.with_suffix(".log")


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
