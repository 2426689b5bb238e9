"""A daemon thread that runs calls for the event loop: those of the engine, and reads of files.

The interpreter waits for the threads of a `ThreadPoolExecutor` at exit, so a call that hangs would keep the
process from ending. It does not wait for a daemon thread.
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
        """Run a blocking function on the thread; return its result or raise its error.

        Raises:
            RuntimeError: the thread is closed.
        """
        if self._closed:
            raise RuntimeError("the engine's thread is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._calls.put(_Call(function, loop, future))
        try:
            return await future
        finally:
            del future  # its error's traceback holds this frame and those of the function: an engine, perhaps

    def close(self) -> None:
        """Let the thread end after the calls that it has. Does not wait for it."""
        self._closed = True
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            result, error = None, None
            try:
                result = call.function()
            except BaseException as raised:  # noqa: BLE001 - the awaiting task gets every error
                error = raised
            try:
                call.loop.call_soon_threadsafe(_set_result, call.future, result, error)
            except RuntimeError:
                return  # the loop is closed: no task waits for the result
            # Drop the references now. If this thread held the last one to an engine, that would be freed at
            # the interpreter's exit, after parts of its libraries: a crash instead of exit code 0.
            del call, result, error


def _set_result(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # the awaiting task was cancelled
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def on_daemon_thread(function: Callable[[], R]) -> R:
    """Run a blocking function on a daemon thread; return its result or raise its error.

    On the main thread, handlers of signals run meanwhile, and may end the process; they would not while the
    main thread itself blocks outside the interpreter.
    """
    results: queue.SimpleQueue[tuple[R | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((function(), None))
        except BaseException as error:  # noqa: BLE001 - raised below
            results.put((None, error))

    threading.Thread(target=run, name="start", daemon=True).start()
    result, error = results.get()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
