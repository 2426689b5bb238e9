"""Stopping well: SIGTERM turns readiness off first, and ends the server only when balancers have noticed.

Uvicorn closes its listener at the first SIGTERM, while a balancer still sends requests. This comes first.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.api.middleware.api_keys import POLL_SECONDS, KeyFile
from app.inference.versions import ModelVersions
from app.system.file_reads import logged_when_slow, read_off_loop
from app.telemetry.metrics import Metrics

# How old the word of another worker may be that it is ready.
TELL_SECONDS = 0.5
# One that is under way, and one after it that sees what has changed since that began.
_MOST_LOOKS = 2

log = logging.getLogger(__name__)


class Drain:
    """The way from a SIGTERM to the end.

    Args:
        rollout: is told to drain, and to close if draining takes too long.
        metrics: is told that requests should go elsewhere.
        delay: seconds to go on accepting with readiness off. A second signal cuts it short.
        timeout: seconds after that to finish what was accepted; the rest gets 503.
    """

    def __init__(self, rollout: ModelVersions, metrics: Metrics, *, delay: float, timeout: float) -> None:
        self._rollout = rollout
        self._metrics = metrics
        self._delay = delay
        self._timeout = timeout
        self._waiting: asyncio.TimerHandle | None = None
        self._server_handlers: dict[int, object] = {}
        self._closing: asyncio.Task[None] | None = None

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Stand before the server's handlers of SIGTERM and SIGINT; outside the main thread, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._server_handlers[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for caught, handler in self._server_handlers.items():
                loop.remove_signal_handler(caught)
                signal.signal(caught, handler)  # type: ignore[arg-type]

    def stop_server(self, number: int = signal.SIGTERM) -> None:
        """Have the server close its listener, answer what it accepted, and end."""
        handler = self._server_handlers.get(number)
        if callable(handler):
            handler(number, None)
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_late())

    def cancel(self) -> None:
        """The server has ended by itself: nothing is left to close late."""
        if self._closing:
            self._closing.cancel()

    def _signalled(self, number: int) -> None:
        if self._waiting is None:
            log.info("draining: not ready any more, accepting for another %g s", self._delay)
            self._rollout.drain()
            self._metrics.update_ready_gauge()
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(self._delay, self.stop_server, number)
        else:
            self._waiting.cancel()
            self.stop_server(number)

    async def _close_late(self) -> None:
        await asyncio.sleep(self._timeout)
        await self._rollout.close(timeout=0)


@contextmanager
def publish_readiness(metrics: Metrics) -> Iterator[None]:
    """Have the metrics tell whether this worker is ready, also when another is asked: an engine may hang."""

    async def tell() -> None:
        while True:
            metrics.update_ready_gauge()
            await asyncio.sleep(TELL_SECONDS)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def watch_keys(keys: KeyFile | None) -> Iterator[None]:
    """Look at the file of API keys every second, if there is one, also while nobody asks."""

    async def watch(keys: KeyFile) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            place, meanwhile = f"API_KEYS_FILE: {keys.path}", "the keys that were there before stay good"
            try:
                with logged_when_slow(place, "not read", meanwhile=meanwhile):
                    await read_off_loop(keys.reload_if_changed)
            except Exception:  # whatever it is, it must not end the watching
                log.exception("%s: not read; %s", place, meanwhile)

    task = asyncio.create_task(watch(keys)) if keys else None
    try:
        yield
    finally:
        if task:
            task.cancel()


@contextmanager
def watch_versions(rollout: ModelVersions, *, every: float) -> Iterator[None]:
    """Look for another version to serve every so many seconds, unless that is 0, and at every SIGHUP."""
    watching = asyncio.create_task(rollout.watch(seconds=every)) if every > 0 else None
    looks: set[asyncio.Task[None]] = set()

    def look_again() -> None:
        log.info("SIGHUP: looking for another version")
        if len(looks) == _MOST_LOOKS:
            return
        task = asyncio.create_task(rollout.look(again=True))
        looks.add(task)
        task.add_done_callback(looks.discard)

    is_main = threading.current_thread() is threading.main_thread()
    loop = asyncio.get_running_loop()
    if is_main:
        loop.add_signal_handler(signal.SIGHUP, look_again)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # one may have come during the start
    try:
        yield
    finally:
        if is_main:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its default would end a process that drains
        for task in (*looks, *([watching] if watching else [])):
            task.cancel()
