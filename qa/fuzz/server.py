"""A real server, started for the fuzzing and ended with it; what it is like from outside. Linux alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from qa.fuzz.errors import HarnessError

HOST = "127.0.0.1"
PATIENCE_SECONDS = 90.0
ROOT = Path(__file__).parents[2]
TRACE = "Traceback"
_ANSWERS = "timeseries_http_requests_total"


class Server:
    """A running server.

    Args:
        process: that serves.
        port: where.
        log: the file that its output goes to.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, port: int, log: Path) -> None:
        self._process = process
        self._log = log
        self.port = port
        self.url = f"http://{HOST}:{port}"

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def memory(self) -> int:
        """Bytes that it holds now; 0 if it has ended."""
        try:
            text = Path(f"/proc/{self._process.pid}/status").read_text()
        except FileNotFoundError:
            return 0
        found = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")]
        return int(found[0]) * 1024 if found else 0

    def descriptors(self) -> int:
        """How many files and connections it has open."""
        try:
            return sum(1 for _ in Path(f"/proc/{self._process.pid}/fd").iterdir())
        except FileNotFoundError:
            return 0

    def log(self) -> str:
        """All that it said."""
        return self._log.read_text(errors="replace")

    def get(self, path: str) -> bytes:
        """A document of it.

        Raises:
            OSError: there is none.
        """
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:  # noqa: S310 - this machine
            body: bytes = answer.read()
        return body

    def counted(self) -> Counter[int]:
        """How many answers of each status it says that it gave.

        Raises:
            HarnessError: it says nothing of that.
        """
        found: Counter[int] = Counter()
        for family in text_string_to_metric_families(self.get("/metrics").decode()):
            for sample in family.samples:
                if sample.name == _ANSWERS:
                    found[int(sample.labels["status"])] += int(sample.value)
        if not found:
            raise HarnessError(f"the server's metrics have no {_ANSWERS}")
        return found

    def stop(self) -> int:
        """Ask it to end; its exit code.

        Raises:
            HarnessError: it does not end.
        """
        self._process.terminate()
        try:
            return self._process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"the server did not end within {PATIENCE_SECONDS:g} s") from None


@contextmanager
def serving(log: Path, **settings: str) -> Iterator[Server]:
    """`python -m app serve`, ready; ended however the block ends.

    Args:
        log: a file for what it says.
        settings: by the names of their environment variables.

    Raises:
        HarnessError: it does not get ready.
    """
    port = _free_port()
    environment = {**os.environ, "HOST": HOST, "PORT": str(port), **settings}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        server = Server(process, port=port, log=log)
        _wait_until_ready(server)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.exit_code is None and time.monotonic() < deadline:
        try:
            server.get("/readyz")
        except OSError:
            time.sleep(0.05)
        else:
            return
    last = server.log().strip().rpartition("\n")[2]
    raise HarnessError(f"the server did not get ready: {last or 'it said nothing'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
