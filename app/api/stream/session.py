"""One stream: reads values, cuts windows, has them predicted, and yields their lines in order.

Two tasks share a short queue. One reads the body and admits windows; it waits while the queue is full, and
then the client cannot send. The other waits for the predictions and sends them; it waits while the client
does not read, and then the queue fills.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from starlette.types import Receive

from app.api.parameters import check_abstain
from app.api.payloads import JsonEncoder, to_finite_float32
from app.api.stream.body import Body
from app.api.stream.options import StreamOptions
from app.api.stream.values import Parsed
from app.errors import AppError, NotReady, QueueFull
from app.inference.batching import Entry
from app.inference.predictions import BatchSlice, Series
from app.inference.service import Service
from app.inference.versions import ModelVersions
from app.series.windows import WindowBatch, WindowCutter, without_overlap
from app.telemetry.request_record import Work

# Values of the windows of one admission, in all channels; at least one window.
ADMITTED_VALUES = 2**15
# Admissions whose predictions were not sent yet. More do not make a stream faster.
MAX_ADMISSIONS = 4
# Bytes of a body that are read before other requests have their turn.
TURN_BYTES = 8 * 1024
# Seconds before the first try to get into a full queue, and before later ones; random up to twice as long.
FIRST_RETRY, LAST_RETRY = 0.02, 0.5


class _Head(NamedTuple):
    """The body is readable so far: the response may begin."""


class _Admitted(NamedTuple):
    """Windows in the queue or in a batch."""

    entry: Entry[Series, BatchSlice]
    coarse: NDArray[np.bool_] | None
    starts: NDArray[np.int64]


class _End(NamedTuple):
    """The end of the body, or why no more of it is read."""

    error: Exception | None


@dataclass(slots=True)
class Totals:
    """What a stream has done.

    Attributes:
        windows: windows whose predictions were handed out.
        values: time steps that were read.
        parsed: seconds of reading values.
        admitted: moment of the first admission, on `perf_counter`; None before it.
    """

    windows: int = 0
    values: int = 0
    parsed: float = 0.0
    admitted: float | None = None


class StreamCall:
    """One stream on one version, which is chosen now and kept.

    Args:
        versions: of the model.
        options: of the request.
        max_instances: most series in an admission.

    Attributes:
        service: of the version.
        totals: so far.

    Raises:
        ContractViolation: the version is not loaded, the stride is too long, or the model cannot abstain.
    """

    def __init__(self, versions: ModelVersions, options: StreamOptions, *, max_instances: int) -> None:
        self._versions, self._options = versions, options
        self.service: Service = versions.pick(options.version)
        contract = self.service.contract
        if options.abstain:
            check_abstain(contract)
        self._spec = spec = contract.input.spec
        self._stride = options.stride_for(spec)
        self._reader = options.reader(spec)
        most = min(max_instances, max(1, ADMITTED_VALUES // spec.values))
        self._cutter = WindowCutter(spec, stride=self._stride, max_windows=most)
        self._queue: asyncio.Queue[_Head | _Admitted | _End] = asyncio.Queue(MAX_ADMISSIONS)
        self._has_begun = False
        self.totals = Totals()

    def work(self) -> Work | None:
        """The work of all windows, for the request's record; None before the first."""
        totals, contract = self.totals, self.service.contract
        if totals.admitted is None:
            return None
        return Work(contract.name, contract.version, totals.windows, totals.parsed, totals.admitted)

    async def lines(self, receive: Receive, encoder: JsonEncoder) -> AsyncGenerator[bytes, None]:
        """Yield the lines of the response, several at once; first nothing, when the response may begin.

        The last one is the count. Close this: what it has admitted is then cancelled.

        Raises:
            AppError: there is no more, for this reason.
        """
        reading = asyncio.create_task(self._read(receive))
        try:
            while not isinstance(item := await self._queue.get(), _End):
                if isinstance(item, _Head):
                    yield b""
                else:
                    result = await item.entry.future
                    prediction = self.service.complete(
                        result,
                        coarse=item.coarse,
                        abstain=self._options.abstain,
                        counted=without_overlap(
                            len(item.starts),
                            length=self._spec.length,
                            stride=self._stride,
                            first=int(item.starts[0]) // self._stride,
                        ),
                    )
                    yield self._encoded(encoder.texts(prediction), item.starts)
            if item.error is not None:
                raise item.error
            yield self._count()
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            while not self._queue.empty():
                item = self._queue.get_nowait()
                if isinstance(item, _Admitted):
                    self._drop(item)

    def _drop(self, admitted: _Admitted) -> None:
        """Cancel windows whose predictions are not needed any more."""
        self.service.cancel(admitted.entry)
        future = admitted.entry.future
        if future.done() and not future.cancelled():
            future.exception()  # else it would be logged as never retrieved

    def _encoded(self, texts: list[str], starts: NDArray[np.int64]) -> bytes:
        first = self.totals.windows
        self.totals.windows += len(texts)
        return "".join(
            f'{{"window":{window},"start":{start},{text[1:]}\n'
            for window, (text, start) in enumerate(zip(texts, starts.tolist(), strict=True), first)
        ).encode()

    def _count(self) -> bytes:
        """The last line: how much was read and answered. Unused values are in no window."""
        windows, values = self.totals.windows, self.totals.values
        used = (windows - 1) * self._stride + self._spec.length if windows else 0
        contract = self.service.contract
        count = {
            "windows": windows,
            "values": values,
            "unused_values": values - used,
            "model": contract.name,
            "version": contract.version,
            "stride": self._stride,
        }
        return json.dumps(count, separators=(",", ":")).encode() + b"\n"

    # Reads the body and admits windows.

    async def _read(self, receive: Receive) -> None:
        """Put everything into the queue, and last why it is the end."""
        error: Exception | None = None
        body = Body(receive, self._versions.draining, timeout=self._options.timeout)
        try:
            while (data := await body.next(values=self.totals.values)) is not None:
                await self._take(await self._parsed(data))
            await self._take(self._reader.finish())
            await self._begin()
        except Exception as found:  # noqa: BLE001 - raised again by `lines`
            error = found
        finally:
            body.close()
        await self._queue.put(_End(error))

    async def _parsed(self, data: bytes) -> Parsed:
        """Read the values of a piece of the body, in turns with other requests."""
        found: list[NDArray[np.floating]] = []
        for start in range(0, max(1, len(data)), TURN_BYTES):
            started = perf_counter()
            values, error = self._reader.feed(data[start : start + TURN_BYTES])
            self.totals.parsed += perf_counter() - started
            found.append(values)
            if error is not None:
                return Parsed(np.concatenate(found), error)
            await asyncio.sleep(0)
        return Parsed(np.concatenate(found))

    async def _take(self, parsed: Parsed) -> None:
        """Admit the windows that these values complete."""
        values, error = parsed
        self.totals.values += len(values)
        for batch in self._cutter.feed(values):
            await self._begin()
            admitted = await self._admitted(batch)
            try:
                await self._queue.put(admitted)
            except asyncio.CancelledError:
                self._drop(admitted)
                raise
        if error is not None:
            raise error
        if self.totals.values:
            await self._begin()

    async def _begin(self) -> None:
        """Have the response begin. An error before gets a response of its own, with its status."""
        if not self._has_begun:
            self._has_begun = True
            await self._queue.put(_Head())

    async def _admitted(self, batch: WindowBatch) -> _Admitted:
        """Admit windows, also if the queue is full for a while.

        Raises:
            BatchingError: the queue stays full for the request's timeout, or the version was unloaded.
        """
        narrowed = to_finite_float32(batch.windows, is_invariant=self._spec.is_invariant)
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._options.timeout, FIRST_RETRY
        while True:
            try:
                entry = self.service.admit(narrowed.series, deadline=deadline)
            except QueueFull:
                pause = min(pause, LAST_RETRY) * (1 + random.random())  # noqa: S311 - not a secret
                if loop.time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
            except NotReady as error:
                raise self._explained(error) from None
            else:
                if self.totals.admitted is None:
                    self.totals.admitted = perf_counter()
                return _Admitted(entry, narrowed.coarse, batch.starts)

    def _explained(self, error: NotReady) -> AppError:
        if self._versions.has(self.service) or self._versions.draining.is_set():
            return error
        version = self.service.contract.version
        return NotReady(f"version {version} was unloaded while the stream was on it; start a new stream")
