"""What runs beside the requests, from the start of the app to its graceful shutdown.

Uvicorn closes its listener at the first SIGTERM, while load balancers still send requests. `Drain` handles
the signal first: it turns readiness off and stops the server after DRAIN_DELAY.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from app.api.middleware.api_keys import POLL_SECONDS, KeyFile
from app.errors import AppError
from app.inference.versions import ModelVersions
from app.system import process_tuning
from app.system.file_reads import logged_when_slow, read_off_loop
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import FLUSH_SECONDS

if TYPE_CHECKING:
    from app.grpc.server import GrpcServer
    from app.telemetry.tracing.traces import Traces

# Interval in which a worker updates its readiness in the metrics.
READINESS_SECONDS = 0.5
# Interval in which a worker brings the drift of its versions up to date.
DRIFT_SECONDS = 1.0
# Minimum time at shutdown for an engine that is still being loaded: the process may crash if it ends
# during that. An engine whose files are on a mount that hangs is not waited for longer.
ENGINE_LOAD_SECONDS = 5.0
# After the drain, time in which the answers to the last calls of gRPC are written.
WRITE_SECONDS = 1.0
# Checks at SIGHUP: one that runs, and one after it that sees later changes.
_MAX_CHECKS = 2

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(
    app: FastAPI,
    *,
    versions: ModelVersions,
    metrics: Metrics,
    keys: KeyFile | None,
    traces: Traces | None,
    reload_seconds: float,
    drain_delay: float,
    drain_timeout: float,
) -> AsyncIterator[None]:
    """Load the model in the background, so that probes get responses at once; drain at the end.

    The worker starts the gRPC server, when it accepts connections; it is stopped here.
    """
    grpc: GrpcServer | None = app.state.grpc
    drain = Drain(versions, metrics, grpc, delay=drain_delay, timeout=drain_timeout)
    loading = asyncio.create_task(_load(versions, drain))
    checks = watch_versions(versions, every=reload_seconds)
    with drain.on_signals(), checks, publish_readiness(metrics), watch_keys(keys), watch_drift(versions):
        yield
    if grpc is not None:
        await grpc.stop(grace=drain_timeout + WRITE_SECONDS)
    drain.cancel()
    await versions.close(timeout=drain_timeout)
    await asyncio.wait([loading], timeout=max(drain_timeout, ENGINE_LOAD_SECONDS))
    metrics.flush()
    if traces is not None:
        await traces.close(timeout=min(FLUSH_SECONDS, drain_timeout))


async def _load(versions: ModelVersions, drain: Drain) -> None:
    try:
        await versions.start()
    except AppError as error:
        log.critical("%s", error)
        drain.stop_server()
    else:
        process_tuning.tune_interpreter()


class Drain:
    """Graceful shutdown after SIGTERM or SIGINT.

    Args:
        versions: are drained, and closed if that takes too long.
        metrics: report that the server is not ready.
        grpc: is stopped together with the HTTP server; None without gRPC.
        delay: seconds in which requests are still accepted with readiness off. A second signal ends it.
        timeout: seconds after that in which accepted requests are finished; the rest gets 503.
    """

    def __init__(
        self,
        versions: ModelVersions,
        metrics: Metrics,
        grpc: GrpcServer | None = None,
        *,
        delay: float,
        timeout: float,
    ) -> None:
        self._versions = versions
        self._metrics = metrics
        self._grpc = grpc
        self._delay = delay
        self._timeout = timeout
        self._waiting: asyncio.TimerHandle | None = None
        self._server_handlers: dict[int, object] = {}
        self._closing: asyncio.Task[None] | None = None

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT before the server does; outside the main thread, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._server_handlers[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for caught, handler in self._server_handlers.items():
                loop.remove_signal_handler(caught)
                signal.signal(caught, handler)  # type: ignore[arg-type]

    def stop_server(self, number: int = signal.SIGTERM) -> None:
        """Have the server close its listener, finish accepted requests, and end."""
        handler = self._server_handlers.get(number)
        if callable(handler):
            handler(number, None)
        if self._grpc is not None:
            self._grpc.begin_stop(grace=self._timeout + WRITE_SECONDS)
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_after_timeout())

    def cancel(self) -> None:
        """Drop the timeout: the server has ended."""
        if self._closing:
            self._closing.cancel()

    def _on_signal(self, number: int) -> None:
        if self._waiting is None:
            log.info("draining: not ready, accepting requests for another %g s", self._delay)
            self._versions.drain()
            self._metrics.update_ready_gauge()
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(self._delay, self.stop_server, number)
        else:
            self._waiting.cancel()
            self.stop_server(number)

    async def _close_after_timeout(self) -> None:
        await asyncio.sleep(self._timeout)
        await self._versions.close(timeout=0)


@contextmanager
def publish_readiness(metrics: Metrics) -> Iterator[None]:
    """Update the readiness of this worker in the metrics, which any worker may serve."""

    async def update() -> None:
        while True:
            metrics.update_ready_gauge()
            await asyncio.sleep(READINESS_SECONDS)

    task = asyncio.create_task(update())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def watch_drift(versions: ModelVersions) -> Iterator[None]:
    """Bring the drift of all loaded versions up to date every second: window and alarm."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(DRIFT_SECONDS)
            for monitor in versions.drift:
                monitor.check()

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def watch_keys(keys: KeyFile | None) -> Iterator[None]:
    """Check the file of API keys every second, if there is one, even without requests."""

    async def watch(keys: KeyFile) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            place, meanwhile = f"API_KEYS_FILE: {keys.path}", "the previous keys stay valid"
            try:
                with logged_when_slow(place, "not read", meanwhile=meanwhile):
                    await read_off_loop(keys.reload_if_changed)
            except Exception:  # no error may end the task
                log.exception("%s: not read; %s", place, meanwhile)

    task = asyncio.create_task(watch(keys)) if keys else None
    try:
        yield
    finally:
        if task:
            task.cancel()


@contextmanager
def watch_versions(versions: ModelVersions, *, every: float) -> Iterator[None]:
    """Check for another version to serve every `every` seconds, unless that is 0, and at every SIGHUP."""
    watching = asyncio.create_task(versions.watch(seconds=every)) if every > 0 else None
    checks: set[asyncio.Task[None]] = set()

    def check_again() -> None:
        log.info("SIGHUP: checking for another version")
        if len(checks) == _MAX_CHECKS:
            return
        task = asyncio.create_task(versions.check(again=True))
        checks.add(task)
        task.add_done_callback(checks.discard)

    is_main = threading.current_thread() is threading.main_thread()
    loop = asyncio.get_running_loop()
    if is_main:
        loop.add_signal_handler(signal.SIGHUP, check_again)
        signal.pthread_sigmask(
            signal.SIG_UNBLOCK, {signal.SIGHUP}
        )  # a signal during the start is handled now
    try:
        yield
    finally:
        if is_main:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its default would end a process that drains
        for task in (*checks, *([watching] if watching else [])):
            task.cancel()
