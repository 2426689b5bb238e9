"""Real processes that listen on a port of their own: the server as its users start it, and others."""

from __future__ import annotations

import atexit
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qa.harness import proc
from qa.harness.http_client import HOST, exchange
from qa.harness.messages import Response, get

ROOT = Path(__file__).parents[2]
SERVE = (sys.executable, "-m", "app", "serve")
# For a start or an end, on a machine that has other things to do too.
WAIT_SECONDS = 90.0
# Below the ports that Linux gives to clients: while a server is down, no client may come to sit on its port.
_PORTS = range(20_000, 32_000)
_POLL_SECONDS = 0.01


class NotServing(Exception):
    """A process did not start, did not get ready, or did not do what was waited for."""


class ServerProcess:
    """A process that listens on a port of its own, and that can be started again and again.

    Args:
        command: starts it.
        log: a file that its output is added to.
        settings: is added to this process's environment, beside HOST and PORT.
        port: where it listens; by default a free one.

    Attributes:
        port: where it listens.
        address: the same, with the host.
        url: the same, as a URL.
        log: as given.
        started: `time.perf_counter` at the last start.
    """

    def __init__(
        self,
        command: Sequence[str] = SERVE,
        *,
        log: Path,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.address = f"{HOST}:{self.port}"
        self.url = f"http://{self.address}"
        self.log = log
        self.started = 0.0
        self._command = command
        self._mark = uuid.uuid4().hex
        own = {"HOST": HOST, "PORT": str(self.port), proc.MARK: self._mark}
        self._environment = {**os.environ, **own, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, folder: Path | None = ROOT) -> None:
        """Start it; it is ready some seconds later.

        Args:
            folder: where it runs; None for where this process does.

        Raises:
            NotServing: there is no such program.
        """
        atexit.register(self.kill)
        self.started = time.perf_counter()
        with self.log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    list(self._command),
                    cwd=folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl+C at a terminal is for the caller, which then ends it
                )
            except OSError as error:
                raise NotServing(f"cannot be started: {error}") from error

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        if self._process is None:
            raise NotServing("the process was not started")
        return self._process

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    @property
    def workers(self) -> list[int]:
        """The process ids of its children, oldest first."""
        return proc.children(self.pid)

    @property
    def pids(self) -> list[int]:
        """The ids of it and of all that it has started, daemons too."""
        return proc.marked(self._mark)

    @property
    def output(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    def last_line(self) -> str:
        """The last line of its log that says something, shortened."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it logged nothing"

    def get(self, path: str, *, seconds: float = 5.0) -> Response:
        """Ask for a document, on a connection of its own.

        Raises:
            OSError: there was none.
        """
        return exchange(self.port, get(path), seconds=seconds)

    def status(self, path: str) -> int:
        """The status that a document comes with; 0 if none comes."""
        try:
            return self.get(path).status
        except OSError:
            return 0

    def metric(self, name: str) -> float:
        """The sum of a metric's samples whose name, with labels, starts so; 0 if there is none.

        Raises:
            OSError: there is no document.
        """
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def wait_until(
        self, condition: Callable[[], bool], what: str = "ready", *, seconds: float = WAIT_SECONDS
    ) -> None:
        """Wait until something is so.

        Args:
            condition: whether it is; an `OSError` counts as no.
            what: for the error.
            seconds: how long at most.

        Raises:
            NotServing: it did not become so within `seconds`, or the process ended before.
        """

        def holds() -> bool:
            with suppress(OSError):
                if condition():
                    return True
            if (code := self.exit_code) is not None:
                raise NotServing(f"the server ended with {code} before it was {what}: {self.last_line()}")
            return False

        wait_until(holds, lambda: f"not {what} within {seconds:.0f} s: {self.last_line()}", seconds=seconds)

    def wait_until_ready(self, path: str = "/readyz", *, seconds: float = WAIT_SECONDS) -> None:
        """Wait for a 200; see `wait_until`."""
        self.wait_until(lambda: self.get(path).status == 200, seconds=seconds)

    def wait_for_metric(self, name: str, value: float) -> None:
        """Wait until a metric has a value; see `metric` and `wait_until`."""
        self.wait_until(lambda: self.metric(name) == value, f"at {name} {value:g}")

    def wait_for_log(self, pattern: str, *, times: int = 1) -> list[Any]:
        """What the groups of a pattern match in its log, once it is there so often.

        Raises:
            NotServing: it is not there within `WAIT_SECONDS`; the process may have ended.
        """
        wait_until(
            lambda: len(re.findall(pattern, self.output)) >= times,
            lambda: f"not in the log within {WAIT_SECONDS:g} s: {pattern}\n{self.output}",
        )
        return re.findall(pattern, self.output)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = WAIT_SECONDS) -> int:
        """Send a signal that asks it to end, and wait; its exit code.

        Raises:
            NotServing: it does not end within `seconds`.
        """
        self.process.send_signal(number)
        return self.wait(seconds=seconds)

    def wait(self, *, seconds: float = WAIT_SECONDS) -> int:
        """Wait until it has ended; its exit code.

        Raises:
            NotServing: it does not end within `seconds`.
        """
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotServing(f"it did not end within {seconds:g} s: {self.last_line()}") from None

    def kill(self) -> None:
        """End it and all that it started as a crash would, and see to it that nothing of it is left."""
        atexit.unregister(self.kill)
        if self._process is not None:
            proc.kill_marked(self._mark)  # while its children can be told by their parent
            self._process.kill()
            self._process.wait()


@contextmanager
def running_server(
    *, command: Sequence[str] = SERVE, log: Path | None = None, wait: bool = True, **settings: str
) -> Iterator[ServerProcess]:
    """A server that is ready, unless told not to wait; killed at the end.

    Args:
        command: starts it.
        log: a file that its output is added to; by default one that is deleted at the end.
        wait: until it is ready.
        settings: by the names of their environment variables.

    Raises:
        NotServing: it does not get ready.
    """
    with TemporaryDirectory() as folder:
        server = ServerProcess(command, log=log or Path(folder) / "log", settings=settings)
        try:
            server.start()
            if wait:
                server.wait_until_ready()
            yield server
        finally:
            server.kill()


def free_port() -> int:
    """A port that nothing listens on.

    Raises:
        OSError: there is none.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                listener.bind((HOST, port))
            except OSError:  # taken
                continue
            return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop}")


def wait_until(
    condition: Callable[[], object],
    error: Callable[[], str] = lambda: "what was waited for did not come about",
    *,
    seconds: float = WAIT_SECONDS,
) -> None:
    """Wait until something is so that another thread or process does.

    Args:
        condition: whether it is.
        error: says what is wrong if it does not become so.
        seconds: how long at most.

    Raises:
        NotServing: it did not become so.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotServing(error())
        time.sleep(_POLL_SECONDS)
