"""Reads files while the server runs, so that a network mount that does not respond blocks nothing.

A call that opens, lists or reads a file of such a mount returns when the mount responds; no signal ends it.
It must not run on the event loop, nor on a thread of a pool: the interpreter waits for those at exit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.system.thread import EngineThread

# Longer than a read takes on any disk that works.
SLOW_SECONDS = 30.0

log = logging.getLogger(__name__)

R = TypeVar("R")


async def read_off_loop(read: Callable[[], R]) -> R:
    """Run a function that opens, lists or reads files on a daemon thread; return its result.

    A function that hangs keeps its thread, even if the awaiting task is cancelled: make one call at a time.

    Raises:
        RuntimeError: no thread could be started.
    """
    thread = EngineThread(name="files")
    try:
        return await thread.run(read)
    finally:
        thread.close()


@contextmanager
def logged_when_slow(
    place: str, what: str, *, meanwhile: str, because: str = "its file system may hang"
) -> Iterator[None]:
    """Log a warning if the block takes `SLOW_SECONDS`, and another line when it ends after that.

    Args:
        place: what is read, e.g. a path.
        what: what is not done yet, e.g. "not read".
        meanwhile: what is in effect until then.
        because: what may be wrong.
    """
    loop = asyncio.get_running_loop()
    began, is_slow = loop.time(), False

    def warn() -> None:
        nonlocal is_slow
        is_slow = True
        log.warning("%s: %s after %g s, %s; %s", place, what, SLOW_SECONDS, because, meanwhile)

    timer = loop.call_later(SLOW_SECONDS, warn)
    try:
        yield
    finally:
        timer.cancel()
        task = asyncio.current_task()
        if is_slow and not (task and task.cancelling()):
            log.info("%s: done after %.0f s", place, loop.time() - began)
