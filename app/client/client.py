"""The client for code without an event loop: `AsyncClient` on a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from app.client.async_client import URL, AsyncClient, ClientOptions
from app.client.call import Call, PredictCall, Progress
from app.client.explanations.options import ExplainOptions
from app.client.explanations.results import Explanations
from app.client.parts import split
from app.client.results import Answer, Predictions
from app.client.schemas import ModelDescription, Prediction
from app.client.series_input import SeriesInput, arrays_of, count_of
from app.client.windows import (
    RecordingInput,
    WindowBatch,
    WindowOptions,
    WindowPredictions,
    Windows,
    add,
    joined,
    timeline_of,
)

T = TypeVar("T")


class Client:
    """A connection pool to one server. Use it as a context manager, or call `close`.

    It may be used on several threads, in a notebook, and after a fork.

    Args:
        url: the server or its balancer.
        options: as of `AsyncClient`.

    Raises:
        InvalidOptions: the key, the URL, or a variable of the environment is invalid.
    """

    def __init__(self, url: str = URL, **options: Unpack[ClientOptions]) -> None:
        self._client = AsyncClient(url, **options)
        self._loop = _LoopThread()

    def predict(
        self, series: SeriesInput, *, abstain: bool = False, progress: Progress | None = None
    ) -> Predictions:
        """Classify series, any number of them, as `AsyncClient.predict` does.

        An iterator is read on this thread. `progress` is called on another one.
        """
        call = self._open_call(series, abstain=abstain, progress=progress)
        return call.predictions(list(self._answers(call, series)))

    def predict_batches(
        self, series: SeriesInput, *, abstain: bool = False, progress: Progress | None = None
    ) -> Generator[Predictions, None, None]:
        """As `predict`, but yield predictions in order as they come: for more series than fit into memory."""
        call = self._open_call(series, abstain=abstain, progress=progress)
        for answer in self._answers(call, series):
            yield call.predictions([answer])

    def predict_windows(
        self,
        recording: RecordingInput,
        *,
        duration: float | None = None,
        abstain: bool = False,
        progress: Progress | None = None,
        **options: Unpack[WindowOptions],
    ) -> WindowPredictions:
        """Classify the windows of a recording, as `AsyncClient.predict_windows` does."""
        call = self._open_call(None, abstain=abstain, progress=progress)
        windows = Windows(recording, call.model, options)
        timeline, batches = timeline_of(call.model, options, duration=duration), []
        for answer in self._answers(call, windows):
            batches.append(windows.batch(call.predictions([answer])))
            add(timeline, batches[-1])
        return joined(batches, timeline)

    def predict_window_batches(
        self,
        recording: RecordingInput,
        *,
        abstain: bool = False,
        progress: Progress | None = None,
        **options: Unpack[WindowOptions],
    ) -> Generator[WindowBatch, None, None]:
        """As `predict_windows`, but yield predictions in order as they come, without a timeline."""
        call = self._open_call(None, abstain=abstain, progress=progress)
        windows = Windows(recording, call.model, options)
        for answer in self._answers(call, windows):
            yield windows.batch(call.predictions([answer]))

    def explain(
        self, series: SeriesInput, *, progress: Progress | None = None, **options: Unpack[ExplainOptions]
    ) -> Explanations:
        """Explain the predictions of series, any number of them, as `AsyncClient.explain` does."""
        call = self._loop.run(
            self._client.open_explain_call(options, total=count_of(series), progress=progress)
        )
        return call.explanations(list(self._answers(call, series)))

    def neighbours(
        self, series: SeriesInput, k: int = 5, *, with_series: bool | None = None
    ) -> list[Prediction]:
        """Classify series and find the nearest training series, as `AsyncClient.neighbours` does."""
        return self._loop.run(self._client.neighbours(series, k, with_series=with_series))

    def model(self) -> ModelDescription:
        """The model's name, version, length, channels and classes, and the server's limits.

        Raises:
            ClientError: the server refused the request, could not be reached, or is no model server.
        """
        return self._loop.run(self._client.model())

    def series_length(self) -> int:
        """Length of the series that the model takes; raises as `model` does."""
        return self._loop.run(self._client.series_length())

    def close(self) -> None:
        """Cancel requests that are in flight, and close the connections."""
        self._loop.run(_cancel_requests())
        self._loop.run(self._client.aclose())
        self._loop.stop()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def _open_call(self, series: SeriesInput, *, abstain: bool, progress: Progress | None) -> PredictCall:
        return self._loop.run(
            self._client.open_call(abstain=abstain, total=count_of(series), progress=progress)
        )

    def _answers(self, call: Call, series: SeriesInput) -> Generator[Answer, None, None]:
        """The answers to all requests of a call, in order."""
        try:
            for part in split(arrays_of(series), call.parts):
                yield from self._loop.run(call.put(part))
            while answers := self._loop.run(call.take()):
                yield from answers
        finally:
            self._loop.run(call.cancel())


class _LoopThread:
    """An event loop on a thread, started at its first use and again after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0
        self._inherited: list[object] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; an interrupt of this thread cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None and self._process == os.getpid():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                # A loop of the parent process must not be closed: it shares the parent's selector.
                self._inherited.append(self._loop)
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run_loop, args=(self._loop,), daemon=True)
                self._thread.name = "app.client"
                self._process = os.getpid()
                self._thread.start()
                weakref.finalize(self, _stop_loop, self._loop)
            return self._loop


async def _cancel_requests() -> None:
    """End the tasks of calls that were left: their retries would open connections after `aclose`."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop_loop(loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
