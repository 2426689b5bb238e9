"""One order of steps for every prediction, whichever way its request comes: plain calls, and no `await`.

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

`app.api.routes.predict` and `app.http.fast_request` are the two that call these.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

from app.api.dialects import Codec, Decoded, Dialect, Encoded, Limits, PredictOptions
from app.api.headers import CONTENT_LENGTH, SERVER_TIMING, RequestHead
from app.api.parameters import check_abstain
from app.api.request_body import check_length
from app.errors import AppError, ContractViolation
from app.inference.batching import Answer, Entry
from app.inference.predictions import BatchSlice, Series
from app.inference.service import Service
from app.inference.versions import ModelVersions
from app.telemetry.request_record import Work

CLIENT_CLOSED = "the client closed its sending side before the prediction was ready"


class Predictor:
    """What all predictions share.

    Args:
        versions: that compute.
        limits: of each request.

    Attributes:
        limits: as given.
        versions: as given.
    """

    def __init__(self, versions: ModelVersions, limits: Limits) -> None:
        self.versions = versions
        self.limits = limits
        self._codecs: dict[tuple[Service, Dialect], Codec] = {}

    def codec(self, dialect: Dialect, service: Service) -> Codec:
        """How a dialect is read and written for a version: made when it is first needed."""
        key = service, dialect
        codec = self._codecs.get(key)
        if codec is None:
            # Forget those of versions that were given up.
            known = self._codecs.items()
            self._codecs = {each: codec for each, codec in known if self.versions.has(each[0])}
            codec = dialect.codec(service.contract, max_instances=self.limits.max_instances)
            self._codecs[key] = codec
        return codec


class PredictCall:
    """One prediction: its steps, to be called in the order in which they are written here.

    Args:
        predictor: what it shares with others.
        dialect: of the request.

    Attributes:
        deadline: of the answer, on the event loop's clock; there is one once the head was read.
        options: what the head asks for; None until it was read.
    """

    __slots__ = (
        "_codec",
        "_decode_seconds",
        "_decoded",
        "_dialect",
        "_entry",
        "_predictor",
        "_service",
        "deadline",
        "options",
    )

    def __init__(self, predictor: Predictor, dialect: Dialect) -> None:
        self._predictor = predictor
        self._dialect = dialect
        self.deadline = 0.0
        self.options: PredictOptions | None = None
        self._service: Service
        self._codec: Codec
        self._decoded: Decoded
        self._decode_seconds = 0.0
        self._entry: Entry[Series, BatchSlice] | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether its series were put into the queue."""
        return self._entry is not None

    def refusal(self) -> AppError | None:
        """What a request that comes now is told at once; None if it may go on.

        Under overload looking at it any longer would take the time that answers need. The same object is
        returned to many.
        """
        return self._predictor.versions.current.refusal()

    def read_head(self, head: RequestHead, *, now: float) -> None:
        """Read what a request asks for, and judge its body by what is told of it.

        Args:
            head: of the request.
            now: on the event loop's clock.

        Raises:
            PayloadError: it is not one that can be answered.
        """
        limits, length = self._predictor.limits, head.get(CONTENT_LENGTH)
        try:
            options = self._dialect.options(head, limits)
        except ContractViolation:
            check_length(length, limits.max_body_bytes)  # what is too large is told before a wrong parameter
            raise
        check_length(length, limits.max_body_bytes)
        self.options, self.deadline = options, now + options.timeout

    def submit(self, body: bytes) -> asyncio.Future[Answer[BatchSlice]]:
        """Read the series of a body, and put them into the queue.

        Only now is the version chosen. Whichever served when the head came, the one that takes the series is
        not given up before it has answered.

        Args:
            body: all of it.

        Returns:
            What `encode` takes, or an error as `app.inference.service.Service.predict` raises it.

        Raises:
            PayloadError: there are no series that can be answered.
            BatchingError: they get no answer now.
        """
        options = self.options
        assert options is not None  # noqa: S101 - the step before
        predictor = self._predictor
        self._service = service = predictor.versions.pick(options.version)
        if options.abstain:
            check_abstain(service.contract)
        self._codec = codec = predictor.codec(self._dialect, service)
        started = perf_counter()
        self._decoded = decoded = codec.decode(body, options)
        self._decode_seconds = perf_counter() - started
        self._entry = service.admit(decoded.series, deadline=self.deadline)
        return self._entry.caller

    def withdraw(self) -> None:
        """Nobody waits for the answer any more."""
        if self._entry is not None:
            self._service.withdraw(self._entry)

    def encode(self, answer: Answer[BatchSlice]) -> Encoded:
        """The answer, with the header that says where its time went.

        Raises:
            EngineError: a number is not finite.
        """
        options, decoded = self.options, self._decoded
        assert options is not None  # noqa: S101 - as above
        prediction = self._service.complete(answer, coarse=decoded.coarse, abstain=options.abstain)
        status, headers, content = self._codec.encode(prediction, options, decoded)
        timing = (
            f"parse;dur={self._decode_seconds * 1e3:.3f}, queue;dur={answer.queued * 1e3:.3f}, "
            f'infer;dur={answer.ran * 1e3:.3f}, batch;desc="{answer.batch_rows} series"'
        )
        return Encoded(status, (*headers, (SERVER_TIMING, timing.encode())), content)

    def work(self) -> Work | None:
        """What was done for the request, for its record; None if its series were not admitted."""
        entry = self._entry
        if entry is None:
            return None
        contract = self._service.contract
        work = Work(contract.name, contract.version, entry.rows, self._decode_seconds, entry.admitted)
        future = entry.caller
        if not future.done() or future.cancelled() or future.exception() is not None:
            return work
        answer = future.result()
        return work._replace(queued=answer.queued, ran=answer.ran, batch_rows=answer.batch_rows)
