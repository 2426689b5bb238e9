"""All errors that the service raises on purpose, as one tree.

`app/api/problem_kinds.py` maps each of them to an HTTP status. Nothing here knows HTTP, numpy or a runtime.
"""

from __future__ import annotations


class AppError(Exception):
    """Base of all errors raised on purpose. `str(error)` is one line for the user."""


class ArtifactError(AppError):
    """The artifact is missing, damaged, incompatible, or fails the checks of its contract."""


class StoreError(AppError):
    """An operation on an object store or a folder of objects failed; the message names the URL."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, is too slow, or fails: the same operation may succeed later."""


class StoreDenied(StoreError):
    """The store refuses the credentials, or there are none."""


class StoreUnsupported(StoreError):
    """The store cannot be used: unknown scheme, missing package, or an operation that it does not have."""


class ObjectMissing(StoreError):
    """There is no object of that name."""


class ObjectConflict(StoreError):
    """A conditional write found that the object exists or has changed; nothing was written."""


class InvalidKeyFile(AppError):
    """The file of API keys cannot be read or has an invalid line."""


class TracingUnavailable(AppError):
    """Traces are requested, but the SDK is missing or the exporter is not configured."""


class GrpcUnavailable(AppError):
    """GRPC_PORT is set, but the packages of the extra are missing."""


class CannotListen(AppError):
    """The server cannot listen at its HOST and PORT or GRPC_PORT; the message names the setting to change."""


class UnreadableSeries(AppError):
    """A file of series cannot be read, or its content is no valid set of series.

    Attributes:
        problem: the file, the row where there is one, and what is wrong.
        remedy: what to do about it, an imperative clause.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


class Unauthorized(AppError):
    """The request has no valid API key."""


class PayloadError(AppError):
    """A request was refused before the prediction was computed."""


class MalformedPayload(PayloadError):
    """The body cannot be read as its media type: broken JSON, npy or gzip."""


class UnsupportedMediaType(PayloadError):
    """The body's media type or encoding is not supported."""


class PayloadTooLarge(PayloadError):
    """The body, as sent or decompressed, is larger than the limit."""


class ContractViolation(PayloadError):
    """The request is readable but does not fit the model's contract.

    Attributes:
        violations: `(pointer, message)` of each invalid place, e.g. `("instances/3", "not a list")`.
        total: number of invalid places; `violations` may hold only the first of them.
    """

    def __init__(self, violations: list[tuple[str, str]], *, total: int | None = None) -> None:
        if not violations:
            raise ValueError("a ContractViolation names at least one place")
        self.violations = violations
        self.total = len(violations) if total is None else total
        pointer, message = violations[0]
        more = f" (and {self.total - 1} more)" if self.total > 1 else ""
        super().__init__(f"{pointer}: {message}{more}" if pointer else f"{message}{more}")


class UnknownModel(PayloadError):
    """The request names a model or a version that the server does not have loaded."""


class NotOffered(PayloadError):
    """The request asks for what the server does not offer: an explanation, say."""


class NotSealed(PayloadError):
    """The model version was sealed without what the request needs."""


class Forbidden(PayloadError):
    """The request may not be sent from where it comes from."""


class SlowPayload(PayloadError):
    """The body did not arrive before the deadline of the request."""


class BatchingError(AppError):
    """A request got no prediction."""


class QueueFull(BatchingError):
    """The queue is full, or the expected wait is too long; the request was not admitted.

    Attributes:
        retry_after: seconds after which a retry is likely to be admitted.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BodyBudgetFull(PayloadError):
    """The worker reached its limit of request bytes in memory; the newest large body was refused."""


class ClientClosed(BatchingError):
    """The client closed its sending side or disconnected before its prediction was computed."""


class DeadlineExceeded(BatchingError):
    """The deadline of the request passed before its prediction was ready."""


class NotReady(BatchingError):
    """The service is starting, draining, closed or broken; retry on another replica."""


class EngineError(AppError):
    """The engine failed on a batch, or returned an array of the wrong shape."""
