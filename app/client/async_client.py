"""The asynchronous client. `app.client.client` runs the same on a thread of its own."""

from __future__ import annotations

import asyncio
import os
import re
import time
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypedDict, Unpack
from urllib.parse import unquote_to_bytes

import httpx

from app.client.answers import read_model
from app.client.call import Connected, ExplainCall, PredictCall, Progress, answers_of, policy_for
from app.client.errors import InvalidOptions
from app.client.explanations.options import ExplainOptions
from app.client.explanations.results import Explanations
from app.client.http.environment import checked_url, proxy_for, ssl_context_for
from app.client.http.sending import Outgoing, Retry, RetryPolicy, Server, send
from app.client.http.transport import ClientTransport
from app.client.in_flight import InFlightLimit
from app.client.neighbours import neighbours_of
from app.client.results import Predictions
from app.client.schemas import ModelDescription, Prediction
from app.client.series_input import SeriesInput, count_of
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

URL = "http://127.0.0.1:8000"
TIMEOUT = 30.0
ATTEMPTS = 4
# The description of the model is read again after so many seconds: the server may serve another version.
MODEL_SECONDS = 60.0


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of both clients; `AsyncClient` describes them."""

    api_key: str | None
    timeout: float
    attempts: int
    on_retry: Callable[[Retry], None] | None
    transport: httpx.AsyncBaseTransport | None
    sleep: Callable[[float], Awaitable[None]]


class AsyncClient:
    """A connection pool to one server. Use it with `async with`, or call `aclose`.

    It works on the event loop on which it is used, also on another one later, and after a fork.

    Args:
        url: the server or its balancer.
        api_key: if the server requires one.
        timeout: seconds for one request with all its retries. Many series are many requests.
        attempts: most times that a request is sent. A full queue (429) does not count.
        on_retry: called before each retry, on the event loop's thread.
        transport: of httpx; for tests.
        sleep: waits between attempts; for tests.

    Raises:
        InvalidOptions: the key, the URL, or a variable of the environment is invalid.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
        on_retry: Callable[[Retry], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if attempts < 1 or not timeout > 0:
            raise InvalidOptions("attempts must be at least 1, and timeout above 0")
        given = checked_url(url)
        self._url = given.copy_with(userinfo=b"")  # messages and logs show it
        self._headers = {"User-Agent": "timeseries-server-client"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {_checked_key(api_key)}"
        if given.userinfo:  # of a proxy in front; a key then has the other header
            key = self._headers.pop("Authorization", "").removeprefix("Bearer ")
            self._headers |= {"X-API-Key": key} if key else {}
            password = b64encode(unquote_to_bytes(given.userinfo)).decode()
            self._headers["Authorization"] = f"Basic {password}"
        self._policy = RetryPolicy(timeout, attempts, timeout, on_retry, sleep)
        self._transport = transport
        self._proxy = None if transport else proxy_for(self._url)
        self._verify = transport is None and ssl_context_for(self._url, self._proxy)
        self._limit = InFlightLimit()
        self._model: tuple[float, ModelDescription] | None = None
        # The pool, and the process and the event loop that it belongs to.
        self._pool: tuple[Server, int, asyncio.AbstractEventLoop] | None = None
        self._inherited: list[object] = []

    async def predict(
        self,
        series: SeriesInput | AsyncIterable[SeriesInput],
        *,
        abstain: bool = False,
        progress: Progress | None = None,
    ) -> Predictions:
        """Classify series, any number of them.

        Args:
            series: numbers of shape `(n, length)`, or `(length,)` for one; of a model of several channels
                `(n, length, channels)`: nested lists, an array, a frame of pandas or Polars with a series a
                row, the path of a file, or an iterator of arrays or lists, also an asynchronous one.
            abstain: give a series no label where its label set does not hold exactly one.
            progress: called with the number of series that are done, and that of all or None.

        Returns:
            A prediction for each series, in order.

        Raises:
            InvalidSeries: the series are not what the model takes. Checked before each request.
            UnreadableSeries: the file cannot be read.
            ClientError: the server refused a request or could not be reached.
        """
        call = await self.open_call(abstain=abstain, total=count_of(series), progress=progress)
        return call.predictions([answer async for answer in answers_of(call, series)])

    async def predict_batches(
        self,
        series: SeriesInput | AsyncIterable[SeriesInput],
        *,
        abstain: bool = False,
        progress: Progress | None = None,
    ) -> AsyncGenerator[Predictions, None]:
        """As `predict`, but yield predictions in order as they come: for more series than fit into memory."""
        call = await self.open_call(abstain=abstain, total=count_of(series), progress=progress)
        async with aclosing(answers_of(call, series)) as answers:
            async for answer in answers:
                yield call.predictions([answer])

    async def predict_windows(
        self,
        recording: RecordingInput,
        *,
        duration: float | None = None,
        abstain: bool = False,
        progress: Progress | None = None,
        **options: Unpack[WindowOptions],
    ) -> WindowPredictions:
        """Classify the windows of a recording of any length, and make its timeline.

        A window is a series of the model's length; it is never filled up. Memory grows by 24 bytes a window
        with two classes, not with the recording; `predict_window_batches` keeps no window at all.

        Args:
            recording: numbers `[steps]`, or `[steps, channels]` for a model of several channels: an array,
                also a memory-mapped one, an iterator of such arrays of any size, or the path of a file with a
                time step a row.
            duration: expected time steps between two changes of the label; None for 20 windows.
            abstain: give a window no label where its label set does not hold exactly one.
            progress: called with the number of windows that are done, and None.
            options: see `WindowOptions`.

        Raises:
            InvalidOptions: an option is out of range.
            UnreadableSeries: the recording is shorter than a window, has other channels, or has a value that
                is not finite; or the file cannot be read.
            ClientError: the server refused a request or could not be reached.
        """
        call = await self.open_call(abstain=abstain, progress=progress)
        windows = Windows(recording, call.model, options)
        timeline, batches = timeline_of(call.model, options, duration=duration), []
        async with aclosing(answers_of(call, windows)) as answers:
            async for answer in answers:
                batches.append(windows.batch(call.predictions([answer])))
                add(timeline, batches[-1])
        return joined(batches, timeline)

    async def predict_window_batches(
        self,
        recording: RecordingInput,
        *,
        abstain: bool = False,
        progress: Progress | None = None,
        **options: Unpack[WindowOptions],
    ) -> AsyncGenerator[WindowBatch, None]:
        """As `predict_windows`, but yield predictions in order as they come, without a timeline."""
        call = await self.open_call(abstain=abstain, progress=progress)
        windows = Windows(recording, call.model, options)
        async with aclosing(answers_of(call, windows)) as answers:
            async for answer in answers:
                yield windows.batch(call.predictions([answer]))

    async def explain(
        self,
        series: SeriesInput | AsyncIterable[SeriesInput],
        *,
        progress: Progress | None = None,
        **options: Unpack[ExplainOptions],
    ) -> Explanations:
        """Explain predictions: how a label's probability changes when regions of a series are perturbed.

        Args:
            series: as of `predict`, any number of them. Each takes about as long as 300 predictions.
            progress: called with the number of series that are done, and that of all or None.
            options: see `ExplainOptions`.

        Returns:
            An explanation of each series, in order.

        Raises:
            InvalidOptions: an option is invalid, or the model has no explanations.
            InvalidSeries: the series are not what the model takes, or there are none.
            UnreadableSeries: the file cannot be read.
            ClientError: the server refused a request or could not be reached.
        """
        call = await self.open_explain_call(options, total=count_of(series), progress=progress)
        return call.explanations([answer async for answer in answers_of(call, series)])

    async def neighbours(
        self, series: SeriesInput, k: int = 5, *, with_series: bool | None = None
    ) -> list[Prediction]:
        """Classify series, and find the training series that the model takes for most similar.

        Args:
            series: as of `predict`; no asynchronous iterator. Meant for few: requests are sent one by one.
            k: neighbours of each, 1 to 20.
            with_series: whether neighbours have their series; None: if the server's index has them.

        Returns:
            A prediction for each series, in order, with its `neighbours`, nearest first.

        Raises:
            InvalidOptions: k is out of range.
            InvalidSeries: the series are not what the model takes.
            UnreadableSeries: the file cannot be read.
            ClientError: the server refused a request: it has no index of neighbours, say; or it could not be
                reached.
        """
        call = await self.open_call()
        return await neighbours_of(call.server, series, k, with_series=with_series)

    async def model(self) -> ModelDescription:
        """The model's name, version, length, channels and classes, and the server's limits.

        Raises:
            ClientError: the server refused the request, could not be reached, or is no model server.
        """
        http = self._http()
        now = time.monotonic()
        if self._model is None or now - self._model[0] > MODEL_SECONDS:
            response = await send(http, Outgoing("GET", http.at("/model")), self._policy)
            self._model = now, read_model(response)
        return self._model[1]

    async def series_length(self) -> int:
        """Length of the series that the model takes; raises as `model` does."""
        return (await self.model()).contract.input.length

    async def open_call(
        self, *, abstain: bool = False, total: int | None = None, progress: Progress | None = None
    ) -> PredictCall:
        """A call that sends parts of series as the caller makes them; see `Call`. Raises as `model` does."""
        return PredictCall(await self._connected(), abstain=abstain, total=total, progress=progress)

    async def open_explain_call(
        self, options: ExplainOptions, *, total: int | None = None, progress: Progress | None = None
    ) -> ExplainCall:
        """As `open_call`, for explanations; raises InvalidOptions, too."""
        return ExplainCall(await self._connected(), options, total=total, progress=progress)

    async def _connected(self) -> Connected:
        model = await self.model()
        http = self._http()
        if isinstance(http.transport, ClientTransport):
            http.transport.set_keep_alive_timeout(model.limits.keep_alive_timeout)
        return Connected(http, policy_for(self._policy, model.limits.request_timeout), self._limit, model)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._pool is not None and self._pool[1:] == (os.getpid(), asyncio.get_running_loop()):
            await self._pool[0].transport.aclose()
        self._pool = None

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.aclose()

    def _http(self) -> Server:
        """The pool of this process and event loop."""
        owner = os.getpid(), asyncio.get_running_loop()
        if self._pool is None or self._pool[1:] != owner:
            if self._pool is not None and self._pool[1] != owner[0]:
                # Closing connections of the parent process would change the selector that it shares.
                self._inherited.append(self._pool)
            self._limit = InFlightLimit()
            transport = self._transport or ClientTransport(verify=self._verify, proxy=self._proxy)
            self._pool = Server(transport, self._url, self._headers), *owner
        return self._pool[0]


def _checked_key(api_key: str) -> str:
    """A key without surrounding white space, such as the end of its line in a file."""
    key = api_key.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise InvalidOptions(
            "the API key has invalid characters; send printable ASCII without spaces"
        )  # not the key itself: logs
    return key
