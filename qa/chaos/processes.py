"""Real processes on ports of their own: the server as its users start it, and whatever stands before it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from qa.chaos import proc
from qa.chaos.addresses import HOST, free_port
from qa.chaos.connection import Answer, BrokenAnswer, Connection, NoAnswer
from qa.chaos.errors import NotServing

ROOT = Path(__file__).parents[2]
SERVE = (sys.executable, "-m", "app", "serve")
# For a start or an end, on a machine that has other things to do too.
PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.05


class Process:
    """A process that listens on a port of its own, and that can be started again and again.

    Args:
        command: starts it.
        environment: is added to this process's own.
        log: a file that its output is added to.

    Attributes:
        port: where it listens.
        log: as given.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self._command = command
        self._environment = {**os.environ, "HOST": HOST, "PORT": str(self.port), **environment}
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        return self._running.pid

    @property
    def workers(self) -> list[int]:
        """The process ids of its children, oldest first."""
        return proc.children(self.pid)

    async def start(self) -> None:
        """Start it; it is ready some seconds later."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl+C at a terminal is for this command, which then ends it
            )

    async def is_ready(self) -> None:
        """Wait for a 200 of `/readyz`.

        Raises:
            NotServing: it ended, or took too long.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while await self.status("/readyz") != 200:
            if self._running.returncode is not None:
                raise NotServing(f"the process ended with {self._running.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise NotServing(f"not ready within {PATIENCE_SECONDS:g} s: {self.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)

    async def get(self, path: str, *, seconds: float = 5.0) -> Answer:
        """Ask for a document, on a connection of its own.

        Raises:
            NoAnswer: there was none.
            BrokenAnswer: it was none.
        """
        connection = await Connection.open(self.port, seconds=seconds)
        try:
            return await connection.ask(
                f"GET {path} HTTP/1.1\r\nHost: chaos\r\n\r\n".encode(), seconds=seconds
            )
        finally:
            connection.close()

    async def status(self, path: str) -> int:
        """The status that a document comes with; 0 if none comes."""
        try:
            return (await self.get(path)).status
        except (NoAnswer, BrokenAnswer):
            return 0

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples whose name, with labels, starts so; 0 if there is none.

        Raises:
            NoAnswer: there was none.
            BrokenAnswer: it was none.
        """
        text = (await self.get("/metrics")).body.decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    async def reaches(self, name: str, value: float) -> None:
        """Wait until a metric has a value.

        Raises:
            NotServing: it does not.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._has(name, value):
            if time.monotonic() > deadline:
                raise NotServing(f"{name} did not become {value:g}: {self.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, when it has ended.

        Raises:
            NotServing: it does not end.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._running.wait()
        except TimeoutError:
            raise NotServing(f"it did not end within {PATIENCE_SECONDS:g} s: {self.last_words()}") from None

    async def kill(self) -> None:
        """End it as a crash would: no signal that it could catch, no goodbye to its connections."""
        self.send(signal.SIGKILL)
        await self.ended()

    def last_words(self) -> str:
        """The last line of its log that says something, shortened."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it logged nothing"

    async def clear(self) -> None:
        """See to it that nothing of it is left."""
        if self._process is None or self._process.returncode is not None:
            return
        for pid in (self.pid, *self.workers):  # the parent first: it replaces nothing any more
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        await self._process.wait()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise NotServing("the process was not started")
        return self._process

    async def _has(self, name: str, value: float) -> bool:
        try:
            return await self.metric(name) == value
        except (NoAnswer, BrokenAnswer):
            return False


@asynccontextmanager
async def serving(
    settings: Mapping[str, str], *, log: Path, workers: int = 1, command: Sequence[str] = SERVE
) -> AsyncIterator[Process]:
    """A server that is ready, with settings by the names of their environment variables.

    Raises:
        NotServing: it does not get ready.
    """
    server = Process(command, environment={**settings, "WORKERS": str(workers)}, log=log)
    try:
        await server.start()
        await server.is_ready()
        await server.reaches("timeseries_ready_workers", workers)
        yield server
    finally:
        await server.clear()
