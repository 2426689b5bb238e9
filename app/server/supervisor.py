"""Keeps several workers at one port: replaces those that end or hang, and passes signals on.

The port is bound once and each worker inherits the listening socket, so that connections that wait to be
accepted are not lost with a worker (`app.server.acceptor`). Workers are known by their processes, heartbeats
and exit codes alone. Only the standard library: this stays small, and what can break a worker cannot break
it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence

from app.server import heartbeat
from app.server.worker_handle import WorkerProcess

# A worker that ends while it starts is started again after the first delay, then after twice that, and so on.
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
# A worker that is not ready by then hangs. Its silence does not tell: a runtime that is imported from a cold
# disk holds up the event loop for longer than a worker that is ready may ever be silent.
START_SECONDS = 300.0

log = logging.getLogger(__name__)


class Supervisor:
    """Runs workers until a signal.

    Args:
        command: makes the command line of a worker from its number, the descriptors of the listening socket
            and of its heartbeat, and whether it is to accept connections only when it is ready.
        listener: listens already, and does not block. It is closed when the workers are told to stop.
        workers: how many, all started at once.
        worker_timeout: seconds of silence after which a worker that was ready is killed and replaced.
        drain_seconds: how long workers may take to end after the first signal; what is left is killed.
        on_replaced: is told why a worker is replaced: `"crashed"` or `"hung"`.
        first_delay: seconds to the second try of a worker that ends while it starts.
        start_seconds: how long a worker may take to get ready.
    """

    def __init__(
        self,
        command: Callable[[int, int, int, bool], Sequence[str]],
        listener: socket.socket,
        *,
        workers: int,
        worker_timeout: float,
        drain_seconds: float,
        on_replaced: Callable[[str], None],
        first_delay: float = FIRST_DELAY_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._command = command
        self._listener = listener
        self._count = workers
        self._worker_timeout = worker_timeout
        self._drain_seconds = drain_seconds
        self._on_replaced = on_replaced
        self._first_delay = first_delay
        self._start_seconds = start_seconds
        self._workers: dict[int, WorkerProcess] = {}
        self._stopping = asyncio.Event()
        self._address = listener.getsockname()[:2]
        self._announced = False
        self._proven = False  # a worker was ready once: what they serve works
        self._failed = False

    def run(self) -> int:
        """Run until a signal; 0 if every worker then ended with 0, else 1."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # one may have come during the start
        watching = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._keep(number) for number in range(1, self._count + 1)))
        watching.cancel()
        return heartbeat.FAILED if self._failed else 0

    async def _keep(self, number: int) -> None:
        """Keep one worker running until all are to stop."""
        delay = 0.0
        while not self._stopping.is_set():
            try:
                worker = await self._follow(number)
            except OSError as error:
                log.error("worker %d could not be started: %s", number, error)  # noqa: TRY400 - a line, no trace
                ready = False
            else:
                self._judge(worker)
                ready = worker.was_ready
            # One that was ready is replaced at once; it took its time to get there, so this is no hot loop.
            delay = 0.0 if ready else min(max(self._first_delay, 2 * delay), LONGEST_DELAY_SECONDS)
            await self._pause(delay)

    async def _follow(self, number: int) -> WorkerProcess:
        """Run a worker to its end."""
        # Until one is ready all accept, so that probes are answered from the first moment. Later, one that
        # still loads must not take connections that others would answer.
        accept_when_ready = self._proven

        def command(listener: int, heart: int) -> Sequence[str]:
            return self._command(number, listener, heart, accept_when_ready)

        worker = self._workers[number] = WorkerProcess(number, command, self._listener)
        try:
            while (beat := await worker.next_beat()) is not None:
                self._hear(worker, beat)
        finally:
            del self._workers[number]
        return worker

    def _hear(self, worker: WorkerProcess, beat: heartbeat.Heartbeat) -> None:
        if not (self._announced or beat.words):
            self._announced = True
            log.info("%d workers listen on %s, port %d", self._count, *self._address)
        worker.words = beat.words or worker.words
        if beat.ready and not worker.was_ready:
            worker.was_ready = self._proven = True
            log.info("worker %d (pid %d) is ready", worker.number, worker.pid)
        # One that says so while it starts could not start, and ends by itself.
        if worker.was_ready and not beat.alive and not self._stopping.is_set():
            worker.kill(beat.words)

    def _judge(self, worker: WorkerProcess) -> None:
        """Take in how a worker ended."""
        if self._stopping.is_set():
            self._failed |= not worker.ended_well
        elif worker.code == heartbeat.FAILED and not self._proven:
            # It would fail again, and so will the others.
            log.critical(
                "%s", worker.words or f"worker {worker.number} could not start: its own words are above"
            )
            self._failed = True
            self._stop_replacing()
            for other in self._workers.values():  # none was ready: there is nothing to finish
                other.send(signal.SIGKILL)
        else:
            log.error("worker %d (pid %d) %s; it is replaced", worker.number, worker.pid, worker.account)
            self._on_replaced("hung" if worker.fault else "crashed")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _watch(self) -> None:
        """Find the workers that hang.

        Time is counted in turns of this loop, not by a clock: when the whole machine stood still for a while,
        no worker is to blame for its silence.
        """
        while not self._stopping.is_set():
            await asyncio.sleep(heartbeat.SECONDS)
            for worker in self._workers.values():
                worker.passes(heartbeat.SECONDS)
                why = worker.hangs(worker_timeout=self._worker_timeout, start_seconds=self._start_seconds)
                if why and not self._stopping.is_set():
                    worker.kill(why)

    def _reload(self) -> None:
        """Pass SIGHUP on, but not to workers that stop: they may not handle it any more."""
        if not self._stopping.is_set():
            for worker in self._workers.values():
                worker.send_when_heard(signal.SIGHUP)

    def _stop(self, number: int) -> None:
        """Pass a signal on; the first is the beginning of the end."""
        if not self._stopping.is_set():
            log.info("stopping %d workers", len(self._workers))
            self._stop_replacing()
            asyncio.get_running_loop().call_later(self._drain_seconds, self._kill_what_is_left)
        for worker in self._workers.values():
            worker.send(number)

    def _stop_replacing(self) -> None:
        self._stopping.set()
        # Once the workers have closed it too, nobody can connect: better than to wait for no answer.
        self._listener.close()

    def _kill_what_is_left(self) -> None:
        for worker in self._workers.values():
            log.error("worker %d (pid %d) did not end in time: killed", worker.number, worker.pid)
            worker.send(signal.SIGKILL)
