"""Runs several workers on one port: replaces workers that end or hang, and passes signals on.

The port is bound once and each worker inherits the listening socket, so that connections in its backlog
survive the end of a worker (`app.server.acceptor`). The supervisor sees processes, heartbeats and exit codes
only. It imports only the standard library: it stays small, and what breaks a worker cannot break it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence

from app.server.heartbeat import FAILED, INTERVAL_SECONDS, Heartbeat
from app.server.worker_handle import WorkerProcess

# Delay before the restart of a worker that ended while it started. It doubles each time, up to the maximum.
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 30.0
# A worker that is not ready by then hangs. WORKER_TIMEOUT does not count before that: the import of a runtime
# from a cold disk blocks the event loop for longer.
START_SECONDS = 300.0

log = logging.getLogger(__name__)


class Supervisor:
    """Runs workers until a signal.

    Args:
        command: makes the command line of a worker from its number, the descriptors of the listening socket
            and of the heartbeat socket, and whether it accepts connections only once it is ready.
        listener: a listening socket that does not block. It is closed when the workers are stopped.
        workers: number of workers, all started at once.
        worker_timeout: seconds without a heartbeat after which a worker that was ready is replaced.
        drain_seconds: seconds after the first stop signal in which workers must end; then they are killed.
        on_replaced: called with the reason for each replacement: `"crashed"` or `"hung"`.
        first_delay: seconds before the first restart of a worker that ended while it started.
        start_seconds: seconds in which a worker must be ready.
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
        self._has_logged_address = False
        self._has_served = False  # a worker was ready once: the artifact and the settings work
        self._failed = False

    def run(self) -> int:
        """Run until a signal; the exit code is 0 if every worker ended with 0, else 1."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        signal.pthread_sigmask(
            signal.SIG_UNBLOCK, {signal.SIGHUP}
        )  # a signal during the start is handled now
        watching = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._keep_running(number) for number in range(1, self._count + 1)))
        watching.cancel()
        return FAILED if self._failed else 0

    async def _keep_running(self, number: int) -> None:
        """Run and replace one worker until all are stopped."""
        delay = 0.0
        while not self._stopping.is_set():
            try:
                worker = await self._run_once(number)
            except OSError as error:
                log.error("worker %d could not be started: %s; trying again", number, error)  # noqa: TRY400 - no traceback
                ready = False
            else:
                self._on_exit(worker)
                ready = worker.was_ready
            # A worker that was ready is replaced at once: its start takes long enough to avoid a hot loop.
            delay = 0.0 if ready else min(max(self._first_delay, 2 * delay), MAX_DELAY_SECONDS)
            await self._sleep_or_stop(delay)

    async def _run_once(self, number: int) -> WorkerProcess:
        """Run a worker until it ends."""
        # Until one is ready, all accept connections, so that probes get responses at once. Later, a worker
        # that loads must not take connections that a ready worker would serve.
        accept_when_ready = self._has_served

        def command(listener: int, heartbeat: int) -> Sequence[str]:
            return self._command(number, listener, heartbeat, accept_when_ready)

        worker = self._workers[number] = WorkerProcess(number, command, self._listener)
        try:
            while (received := await worker.next_heartbeat()) is not None:
                self._on_heartbeat(worker, received)
        finally:
            del self._workers[number]
        return worker

    def _on_heartbeat(self, worker: WorkerProcess, received: Heartbeat) -> None:
        if not (self._has_logged_address or received.message):
            self._has_logged_address = True
            log.info("%d workers listen on %s, port %d", self._count, *self._address)
        worker.message = received.message or worker.message
        if received.ready and not worker.was_ready:
            worker.was_ready = self._has_served = True
            log.info("worker %d (pid %d) is ready", worker.number, worker.pid)
        # A worker that is not alive before it was ready could not start, and ends by itself.
        if worker.was_ready and not received.alive and not self._stopping.is_set():
            worker.kill(received.message)

    def _on_exit(self, worker: WorkerProcess) -> None:
        if self._stopping.is_set():
            self._failed |= not worker.exited_cleanly
        elif worker.exit_code == FAILED and not self._has_served:
            # It would fail again, as all others.
            log.critical(
                "%s",
                worker.message or f"worker {worker.number} could not start; its log entries above say why",
            )
            self._failed = True
            self._stop_replacing()
            for other in self._workers.values():  # none was ready: no request is lost
                other.send_signal(signal.SIGKILL)
        else:
            log.error("worker %d (pid %d) %s; it is replaced", worker.number, worker.pid, worker.exit_reason)
            self._on_replaced("hung" if worker.kill_reason else "crashed")

    async def _sleep_or_stop(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _watch(self) -> None:
        """Kill workers that hang.

        Time is counted in iterations of this loop, not by a clock: after a pause of the whole machine, no
        worker is killed for its silence.
        """
        while not self._stopping.is_set():
            await asyncio.sleep(INTERVAL_SECONDS)
            for worker in self._workers.values():
                worker.add_silence(INTERVAL_SECONDS)
                reason = worker.hang_reason(
                    worker_timeout=self._worker_timeout, start_seconds=self._start_seconds
                )
                if reason and not self._stopping.is_set():
                    worker.kill(reason)

    def _reload(self) -> None:
        """Pass SIGHUP on, unless workers stop: they may have removed their handlers."""
        if not self._stopping.is_set():
            for worker in self._workers.values():
                worker.send_signal_after_start(signal.SIGHUP)

    def _stop(self, number: int) -> None:
        """Pass a stop signal on; the first one starts the shutdown."""
        if not self._stopping.is_set():
            log.info("stopping %d workers", len(self._workers))
            self._stop_replacing()
            asyncio.get_running_loop().call_later(self._drain_seconds, self._kill_remaining)
        for worker in self._workers.values():
            worker.send_signal(number)

    def _stop_replacing(self) -> None:
        self._stopping.set()
        # Once the workers have closed it too, connections are refused instead of left without a response.
        self._listener.close()

    def _kill_remaining(self) -> None:
        for worker in self._workers.values():
            log.error(
                "worker %d (pid %d) did not end within %g s: killed",
                worker.number,
                worker.pid,
                self._drain_seconds,
            )
            worker.send_signal(signal.SIGKILL)
