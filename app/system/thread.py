"""The engine's own thread: the event loop hands it a call and never computes itself.

A `ThreadPoolExecutor` would do but for one thing: the interpreter waits for its threads at exit, so an engine
that hangs would keep the process from ending. This thread is a daemon.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class EngineThread:
    """One thread that runs one call at a time, in order."""

    def __init__(self, *, name: str = "engine") -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._closed = False
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, function: Callable[[], R]) -> R:
        """Run a blocking function on the thread and return what it returns, or raise what it raises.

        Raises:
            RuntimeError: the thread is closed; it would never come to this call.
        """
        if self._closed:
            raise RuntimeError("the engine's thread is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._calls.put(_Call(function, loop, future))
        try:
            return await future
        finally:
            del future  # its error's traceback holds this frame, and those of whatever failed: an engine, say

    def close(self) -> None:
        """Let the thread end once it has run what it was given. Does not wait for it."""
        self._closed = True
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            result, error = None, None
            try:
                result = call.function()
            except BaseException as raised:  # noqa: BLE001 - whatever it is, it belongs to the caller
                error = raised
            try:
                call.loop.call_soon_threadsafe(_settle, call.future, result, error)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            # An engine that this thread were the last to know would end with it, when the interpreter ends:
            # its libraries are half gone by then, and the process crashes instead of exiting with 0.
            del call, result, error


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # the caller has gone
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
