"""Reading files while the server runs, so that a network mount that does not answer stops nothing.

A call that opens, lists or reads a file of such a mount returns when the mount answers, and no signal ends
it. It must not be made on the event loop, nor on a thread of a pool: the interpreter waits for those when it
ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.system.thread import EngineThread

# Longer than reading takes on any disk that is well.
SLOW_SECONDS = 30.0

log = logging.getLogger(__name__)

R = TypeVar("R")


async def read_off_loop(read: Callable[[], R]) -> R:
    """Run a function that opens, lists or reads files on a daemon thread; what it returns, or raises.

    A function that hangs keeps its thread, also when the caller is cancelled. So make one call at a time.

    Raises:
        RuntimeError: the system has no thread for it.
    """
    thread = EngineThread(name="files")
    try:
        return await thread.run(read)
    finally:
        thread.close()


@contextmanager
def logged_when_slow(place: str, what: str, *, meanwhile: str) -> Iterator[None]:
    """Log a warning, once, if what is done with files takes `SLOW_SECONDS`, and a line when it is over.

    Args:
        place: what is read, e.g. a path.
        what: is not done yet, e.g. "not read".
        meanwhile: what holds until it is done.
    """
    loop = asyncio.get_running_loop()
    began, is_slow = loop.time(), False

    def warn() -> None:
        nonlocal is_slow
        is_slow = True
        log.warning("%s: %s after %g s, its file system may hang; %s", place, what, SLOW_SECONDS, meanwhile)

    timer = loop.call_later(SLOW_SECONDS, warn)
    try:
        yield
    finally:
        timer.cancel()
        task = asyncio.current_task()
        if is_slow and not (task and task.cancelling()):
            log.info("%s: answered after %.0f s", place, loop.time() - began)
