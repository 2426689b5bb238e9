"""Every error the service can raise on purpose, as one tree.

A leaf says what went wrong in the words of the field; what that means over HTTP is decided once,
in `app/api/problem_kinds.py`. Nothing here knows HTTP, numpy or a runtime.
"""

from __future__ import annotations


class AppError(Exception):
    """Base of all errors raised on purpose. `str(error)` is one line fit for a user."""


class ArtifactError(AppError):
    """The artifact is missing, damaged, foreign, or does not do what its contract promises."""


class InvalidKeyFile(AppError):
    """The file of API keys cannot be read, or is not one."""


class TracingUnavailable(AppError):
    """There are to be traces, and there is nothing to make or to send them with."""


class CannotListen(AppError):
    """The server cannot listen at its HOST and PORT; the message begins with the one to change."""


class UnreadableSeries(AppError):
    """A file of series cannot be read, or holds what no model can take.

    Attributes:
        problem: the file, the row where there is one, and what is wrong.
        remedy: what to do about it, an imperative clause.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


class Unauthorized(AppError):
    """The request needs an API key and brings none that is known."""


class PayloadError(AppError):
    """A request body was refused before anything was computed."""


class MalformedPayload(PayloadError):
    """The body cannot be read as its media type: broken JSON, npy or gzip."""


class UnsupportedMediaType(PayloadError):
    """The body's media type or encoding is none that the service reads."""


class PayloadTooLarge(PayloadError):
    """The body, as sent or decompressed, is larger than the limit."""


class ContractViolation(PayloadError):
    """The request is readable but does not fit the model's contract.

    Attributes:
        violations: one `(pointer, message)` per place, e.g. `("instances/3/17", "not a finite number")`.
        total: how many places were wrong; `violations` may hold only the first of them.
    """

    def __init__(self, violations: list[tuple[str, str]], *, total: int | None = None) -> None:
        if not violations:
            raise ValueError("a ContractViolation names at least one place")
        self.violations = violations
        self.total = len(violations) if total is None else total
        pointer, message = violations[0]
        more = f" (and {self.total - 1} more)" if self.total > 1 else ""
        super().__init__(f"{pointer}: {message}{more}" if pointer else f"{message}{more}")


class SlowPayload(PayloadError):
    """The body did not arrive within the request's time."""


class BatchingError(AppError):
    """An admitted or refused request got no answer."""


class QueueFull(BatchingError):
    """There is no room in the queue, or the wait in it would be too long; nothing was admitted.

    Attributes:
        retry_after: seconds after which it is likely to be admitted.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BodyBudgetFull(PayloadError):
    """The process holds as many bytes of request bodies as it may; the newest large body was not read."""


class ClientClosed(BatchingError):
    """The caller shut down its sending side, or was gone, before its prediction was computed."""


class DeadlineExceeded(BatchingError):
    """The request's deadline passed before its answer was there."""


class NotReady(BatchingError):
    """The service is starting, draining, closed or broken; another replica may answer."""


class EngineError(AppError):
    """The engine failed on a batch, or gave an answer of the wrong shape."""
