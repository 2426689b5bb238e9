"""`app.system.thread`: calls off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref

import pytest

from app.system.thread import EngineThread, on_daemon_thread


def test_calls_run_in_order_on_one_other_thread() -> None:
    """Every call runs on the same thread, which is not the event loop's."""

    async def scenario() -> list[int]:
        thread = EngineThread()
        calls = [thread.run(threading.get_ident) for _ in range(5)]
        return [await call for call in calls]

    idents = asyncio.run(scenario())
    assert len(set(idents)) == 1
    assert idents[0] != threading.get_ident()


def test_an_error_is_raised_only_where_its_call_was_made() -> None:
    """The thread survives any exception."""

    def fail() -> None:
        raise SystemExit("no")

    async def scenario() -> int:
        thread = EngineThread()
        with pytest.raises(SystemExit, match="no"):
            await thread.run(fail)
        return await thread.run(lambda: 42)

    assert asyncio.run(scenario()) == 42


def test_a_cancelled_call_does_not_stop_the_thread() -> None:
    """The result of a call whose task was cancelled is dropped."""

    async def scenario() -> int:
        thread = EngineThread()
        entered, leave = threading.Event(), threading.Event()

        def wait() -> None:
            entered.set()
            leave.wait(timeout=60)

        caller = asyncio.create_task(thread.run(wait))
        while not entered.is_set():
            await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        leave.set()
        return await thread.run(lambda: 42)

    assert asyncio.run(scenario()) == 42


def test_a_call_that_never_ends_does_not_keep_the_process() -> None:
    """The thread is a daemon: an engine that hangs does not delay the exit."""
    before = set(threading.enumerate())
    EngineThread(name="probe")
    (thread,) = set(threading.enumerate()) - before
    assert thread.daemon


def test_what_a_call_gave_is_not_kept() -> None:
    """The thread keeps no reference to the last result, such as an engine."""

    class Result:
        pass

    async def scenario() -> None:
        thread = EngineThread()
        result = await thread.run(Result)
        reference = weakref.ref(result)
        del result
        async with asyncio.timeout(60):
            while reference() is not None:
                await asyncio.sleep(0.001)

    asyncio.run(scenario())


class Thing:
    """An object that a failing call refers to, as the loading of a model refers to an engine."""


def test_what_a_failed_call_held_goes_with_its_error() -> None:
    """At once, by reference counting: garbage collections are rare."""
    held: list[weakref.ref[Thing]] = []

    def fail() -> None:
        thing = Thing()
        held.append(weakref.ref(thing))
        raise ValueError("no")

    async def scenario() -> bool:
        thread = EngineThread()
        with contextlib.suppress(ValueError):  # pytest.raises would keep the error
            await thread.run(fail)
        await thread.run(lambda: None)  # the thread itself has let go of the call before
        return held[0]() is None

    gc.disable()
    try:
        assert asyncio.run(scenario())
    finally:
        gc.enable()


def test_a_closed_thread_takes_no_call() -> None:
    """It would never run; earlier calls still run."""

    async def scenario() -> int:
        thread = EngineThread()
        before = asyncio.ensure_future(thread.run(lambda: 42))
        await asyncio.sleep(0)
        thread.close()
        with pytest.raises(RuntimeError, match="closed"):
            await thread.run(lambda: 43)
        return await before

    assert asyncio.run(scenario()) == 42


def test_a_blocking_function_runs_beside_the_main_thread() -> None:
    """Its result is returned and its error raised."""
    assert on_daemon_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        on_daemon_thread(lambda: 1 / 0)
