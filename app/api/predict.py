"""The steps of every prediction in one order, for both request paths and gRPC: plain calls, no `await`.

| step | where |
|---|---|
| key | `app.api.middleware.auth`, before there is a call |
| refuse | `PredictCall.refusal` |
| options | `PredictCall.read_head`, by the dialect |
| body | `app.api.request_body` on the framework's path; the connection on the fast path |
| decode, admit | `PredictCall.submit`, by the dialect and the service |
| wait | the route awaits the future that `submit` returned, the fast path adds a callback to it |
| encode | `PredictCall.encode`, by the service and the dialect |
| record | `app.api.recorder`, which records all other requests, too |

`app.api.routes.predict`, `app.http.fast_request` and `app.grpc.infer` are the three that call these.
"""

from __future__ import annotations

import asyncio
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

from app.api.dialects import Codec, Decoded, Encoded, Limits, PredictionProtocol, PredictOptions
from app.api.headers import CONTENT_LENGTH, SERVER_TIMING, RequestHead
from app.api.neighbour_options import check_neighbours
from app.api.parameters import check_abstain
from app.api.request_body import check_length
from app.errors import AppError, ContractViolation
from app.inference.batching import BatchResult, Entry
from app.inference.predictions import BatchSlice, Series
from app.inference.service import Service
from app.inference.versions import ModelVersions
from app.system.file_reads import read_off_loop
from app.telemetry.request_record import Work


class Predictor:
    """State shared by all predictions.

    Args:
        versions: of the model.
        limits: of each request.

    Attributes:
        limits: as given.
        versions: as given.
    """

    def __init__(self, versions: ModelVersions, limits: Limits) -> None:
        self.versions = versions
        self.limits = limits
        self._codecs: dict[tuple[Service, PredictionProtocol], Codec] = {}

    def codec(self, dialect: PredictionProtocol, service: Service) -> Codec:
        """The codec of a dialect for a version, created at its first use."""
        key = service, dialect
        codec = self._codecs.get(key)
        if codec is None:
            # Drop the codecs of versions that were unloaded.
            known = self._codecs.items()
            self._codecs = {each: codec for each, codec in known if self.versions.has(each[0])}
            codec = dialect.codec(service.contract, max_instances=self.limits.max_instances)
            self._codecs[key] = codec
        return codec


class _Found(NamedTuple):
    """Neighbours as the codec encoded them, and the seconds that they took."""

    texts: list[str]
    seconds: float


class PredictCall:
    """One prediction. Call its steps in the order in which they are defined.

    Args:
        predictor: shared state.
        dialect: of the request.

    Attributes:
        deadline: on the event loop's clock; set by `read_head`.
        options: of the request; None before `read_head`.
    """

    __slots__ = (
        "_codec",
        "_decode_seconds",
        "_decoded",
        "_dialect",
        "_entry",
        "_neighbours",
        "_predictor",
        "_service",
        "deadline",
        "options",
    )

    def __init__(self, predictor: Predictor, dialect: PredictionProtocol) -> None:
        self._predictor = predictor
        self._dialect = dialect
        self.deadline = 0.0
        self.options: PredictOptions | None = None
        self._service: Service
        self._codec: Codec
        self._decoded: Decoded
        self._decode_seconds = 0.0
        self._entry: Entry[Series, BatchSlice] | None = None
        self._neighbours: _Found | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether its series were put into the queue."""
        return self._entry is not None

    def refusal(self) -> AppError | None:
        """The error for a request that must be refused now; None if it may proceed.

        Refusing before the head is read keeps overload cheap. Many requests share one error object.
        """
        return self._predictor.versions.current.refusal()

    def read_head(self, head: RequestHead, *, now: float) -> None:
        """Read the options of a request, and check the declared length of its body.

        Args:
            head: of the request.
            now: on the event loop's clock.

        Raises:
            PayloadError: an option or the length is invalid.
        """
        limits, length = self._predictor.limits, head.get(CONTENT_LENGTH)
        try:
            options = self._dialect.options(head, limits)
        except ContractViolation:
            check_length(length, limits.max_body_bytes)  # 413 comes before 422
            raise
        check_length(length, limits.max_body_bytes)
        self.options, self.deadline = options, now + options.timeout

    def submit(self, body: Any) -> asyncio.Future[BatchResult[BatchSlice]]:
        """Read the series of a body, and put them into the queue.

        The version is chosen only now, and is not unloaded before it has answered.

        Args:
            body: all of it: bytes over HTTP, over gRPC the message.

        Returns:
            A future with what `encode` takes, or with an error of `app.inference.service.Service.predict`.

        Raises:
            PayloadError: the body is invalid.
            BatchingError: the series were not admitted.
        """
        options = self.options
        assert options is not None  # noqa: S101 - the step before
        predictor = self._predictor
        self._service = service = predictor.versions.pick(options.version, model=options.model)
        if options.abstain:
            check_abstain(service.contract)
        self._codec = codec = predictor.codec(self._dialect, service)
        started = perf_counter()
        self._decoded = decoded = codec.decode(body, options)
        self._decode_seconds = perf_counter() - started
        if (timeout := codec.timeout(decoded)) is not None and timeout < options.timeout:
            self.deadline += timeout - options.timeout
        if options.neighbours is not None:
            check_neighbours(options.neighbours, service.contract, count=len(decoded.series))
        self._entry = service.admit(decoded.series, deadline=self.deadline)
        return self._entry.future

    async def add_neighbours(
        self, future: asyncio.Future[BatchResult[BatchSlice]]
    ) -> BatchResult[BatchSlice]:
        """Wait for the predictions, then find the neighbours that the request asks for, for `encode`.

        Only on the framework's path: a request with a query takes no other.

        Args:
            future: that `submit` returned.

        Raises:
            BatchingError: no prediction, or no neighbours before the deadline.
            EngineError: the engine failed, or the index cannot be used.
        """
        options = self.options
        assert options is not None  # noqa: S101 - as above
        assert options.neighbours is not None  # noqa: S101 - else this is not called
        result = await future
        started = perf_counter()
        found = await self._service.neighbours(
            self._decoded.series, options.neighbours, deadline=self.deadline
        )
        texts = await read_off_loop(partial(self._codec.neighbour_texts, found))
        self._neighbours = _Found(texts, perf_counter() - started)
        return result

    def cancel(self) -> None:
        """Remove the series from the queue, if they are in it: the client does not wait any more."""
        if self._entry is not None:
            self._service.cancel(self._entry)

    def encode(self, result: BatchResult[BatchSlice]) -> Encoded:
        """The response, with its `Server-Timing` header.

        Raises:
            EngineError: a number is not finite.
        """
        options, decoded = self.options, self._decoded
        assert options is not None  # noqa: S101 - as above
        prediction = self._service.complete(result, coarse=decoded.coarse, abstain=options.abstain)
        found = self._neighbours
        if found is None:
            status, headers, content = self._codec.encode(prediction, options, decoded)
        else:
            status, headers, content = self._codec.encode_with_neighbours(prediction, found.texts)
        timing = (
            f"parse;dur={self._decode_seconds * 1e3:.3f}, queue;dur={result.queued * 1e3:.3f}, "
            f'infer;dur={result.ran * 1e3:.3f}, batch;desc="{result.batch_rows} series"'
        )
        if found is not None:
            timing += f", neighbours;dur={found.seconds * 1e3:.3f}"
        return Encoded(status, (*headers, (SERVER_TIMING, timing.encode())), content)

    def work(self) -> Work | None:
        """The work done for the request, for its record; None if its series were not admitted."""
        entry = self._entry
        if entry is None:
            return None
        contract = self._service.contract
        work = Work(contract.name, contract.version, entry.rows, self._decode_seconds, entry.admitted)
        future = entry.future
        if not future.done() or future.cancelled() or future.exception() is not None:
            return work
        result = future.result()
        return work._replace(queued=result.queued, ran=result.ran, batch_rows=result.batch_rows)
