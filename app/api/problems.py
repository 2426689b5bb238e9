"""Errors over HTTP: which exception is which status, in one table, as RFC 9457 problem documents."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app import errors
from app.api.headers import EVERY_ANSWER, RETRY, Header
from app.client.schemas import Problem, Violation

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its slug under `/problems/`, status, title, and what a caller can do about it."""

    slug: str
    status: int
    title: str
    remedy: str

    @property
    def type(self) -> str:
        """The problem's type, a reference that this server resolves."""
        return self.type_under("")

    def type_under(self, root_path: str) -> str:
        """The type as callers can resolve it where a proxy serves this server under a path.

        Args:
            root_path: that path, as the setting has it; empty without one.
        """
        return f"{root_path}/problems/{self.slug}"


class ErrorInfo(NamedTuple):
    """What is told of an error, whichever protocol it is told in.

    Attributes:
        kind: of it.
        detail: what is wrong, for people.
        headers: that its answer needs.
        violations: where a request does not fit the contract, and why; the first of `total`.
        total: how many there are; None where there are none.
    """

    kind: Kind
    detail: str
    headers: tuple[Header, ...] = ()
    violations: tuple[tuple[str, str], ...] = ()
    total: int | None = None


INTERNAL = Kind("internal", 500, "Internal error", "Report the request id; the log has the cause.")

KINDS: dict[type[errors.AppError], Kind] = {
    errors.Unauthorized: Kind(
        "unauthorized",
        401,
        "Key missing or not known",
        "Send one API key, in Authorization or X-API-Key; the operator of the server has keys.",
    ),
    errors.MalformedPayload: Kind(
        "malformed",
        400,
        "Body cannot be read",
        "Send all of the body, in the format that its Content-Type and Content-Encoding name.",
    ),
    errors.SlowPayload: Kind(
        "slow",
        408,
        "Body did not arrive in time",
        "Send the whole body within X-Request-Timeout or, if that is shorter, the server's own timeout.",
    ),
    errors.PayloadTooLarge: Kind("too-large", 413, "Body too large", "Send fewer series a request."),
    errors.UnsupportedMediaType: Kind(
        "media-type",
        415,
        "Media type not supported",
        "Send application/json in UTF-8 or application/x-npy; compressed with gzip, deflate or not at all.",
    ),
    errors.ContractViolation: Kind(
        "contract", 422, "Does not fit the model's contract", "Change what the violations point at."
    ),
    errors.QueueFull: Kind(
        "queue-full",
        429,
        "Too many requests",
        "Try again after Retry-After seconds; if the detail names your deadline, with a longer one.",
    ),
    errors.BodyBudgetFull: Kind(
        "body-bytes",
        429,
        "Too many bytes of bodies",
        "Try again after Retry-After seconds, with fewer series a request or fewer requests at once.",
    ),
    errors.ClientClosed: Kind(
        "cancelled",
        499,
        "Caller closed its side",
        "Keep the connection open in both directions until the answer has come.",
    ),
    errors.EngineError: Kind(
        "engine", 500, "The engine failed", "Try again; if it persists, report the request id."
    ),
    errors.NotReady: Kind(
        "not-ready", 503, "Not ready", "Try again after Retry-After seconds, or another replica."
    ),
    errors.DeadlineExceeded: Kind(
        "deadline",
        504,
        "Deadline passed",
        "Try again, with fewer series or, where you send X-Request-Timeout, with a longer one.",
    ),
}
_RETRIED = (errors.QueueFull, errors.BodyBudgetFull, errors.NotReady)
# What the HTTP framework itself refuses.
FRAMEWORK = {
    404: Kind("not-found", 404, "No such route", "See /docs for the routes there are."),
    405: Kind("method", 405, "Method not allowed", "Use a method that the Allow header names."),
}
# What is refused before there is a request, with the end of its connection.
CONNECTION = {
    400: Kind(
        "not-http", 400, "Not a request", "Send HTTP/1.1, with one Host and one length that is the body's."
    ),
    414: Kind("target", 414, "Address too long", "Send series in the body, not in the address."),
    501: Kind(
        "transfer-coding", 501, "Transfer coding not supported", "Send Content-Length, or only chunked."
    ),
    505: Kind("http-version", 505, "HTTP version not supported", "Send HTTP/1.1 or HTTP/1.0."),
    431: Kind("head", 431, "Head too large", "Send fewer and shorter headers and trailers."),
    503: Kind(
        "connections",
        503,
        "Too many connections",
        "Try again after Retry-After seconds; keep a connection open and use it again.",
    ),
}
# What the balancer of deploy/haproxy.cfg answers itself, beside kinds that are named above.
BALANCER = {
    400: Kind(
        "broken-off", 400, "Request broken off", "Send all of the body, and close only after the answer."
    ),
    429: Kind(
        "rate-limit",
        429,
        "Rate limit reached",
        "Try again after Retry-After seconds, and send fewer a second.",
    ),
}
ALL_KINDS = (*KINDS.values(), *FRAMEWORK.values(), *CONNECTION.values(), *BALANCER.values(), INTERNAL)


def info_of(error: errors.AppError) -> ErrorInfo:
    """What is told of an error that was raised on purpose."""
    kind = kind_of(error)
    if isinstance(error, errors.ContractViolation):
        return ErrorInfo(kind, str(error), (), tuple(error.violations), error.total)
    headers: tuple[Header, ...] = ()
    if isinstance(error, errors.QueueFull):
        headers = ((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))),)
    elif isinstance(error, errors.NotReady | errors.BodyBudgetFull):
        headers = ((b"retry-after", b"1"),)
    elif isinstance(error, errors.Unauthorized):
        headers = ((b"www-authenticate", b"Bearer"),)
    return ErrorInfo(kind, str(error), headers)


def info_of_framework(error: HTTPException, *, method: str, path: str, hint: str | None = None) -> ErrorInfo:
    """What is told of what the HTTP framework refuses.

    Args:
        error: why.
        method: of the request.
        path: as its caller sent it, with what a proxy serves this server under.
        hint: path of a route that the caller may have meant.
    """
    kind = FRAMEWORK.get(error.status_code) or Kind("http", error.status_code, str(error.detail), "")
    detail = f"{method} {path}: {kind.title.lower()}" + (f"; {hint} is one" if hint else "")
    given = {name.lower(): value for name, value in (error.headers or {}).items()}
    if "allow" in given:
        given["allow"] = _allowed(given["allow"])
    return ErrorInfo(kind, detail, tuple((name.encode(), value.encode()) for name, value in given.items()))


def info_of_validation(error: RequestValidationError) -> ErrorInfo:
    """What is told of parameters that the HTTP framework finds wrong."""
    places = [("/".join(str(part) for part in item["loc"]), str(item["msg"])) for item in error.errors()]
    return info_of(errors.ContractViolation(places))


def info_of_unexpected() -> ErrorInfo:
    """What is told of an error that nobody expected: never its own text, which may hold anything."""
    return ErrorInfo(INTERNAL, "an unexpected error; the log has it under this request id")


def document(info: ErrorInfo, *, request_id: str, root_path: str = "") -> bytes:
    """A problem document (RFC 9457).

    Args:
        info: of the error.
        request_id: the request's.
        root_path: path under which a proxy serves the app; empty without one.
    """
    violations = [Violation(pointer=pointer, message=message) for pointer, message in info.violations]
    problem = Problem(
        type=info.kind.type_under(root_path),
        title=info.kind.title,
        status=info.kind.status,
        detail=info.detail,
        request_id=request_id,
        violations=violations or None,
        total=info.total,
    )
    return problem.model_dump_json(exclude_none=True).encode()


def responses(*kinds: type[errors.AppError]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI `responses` of a route that may raise these."""
    return _documented((KINDS[error], error in _RETRIED) for error in kinds)


def of_connection() -> dict[int | str, dict[str, Any]]:
    """The OpenAPI `responses` of every route: with these its connection may end before there is a request."""
    return _documented((kind, kind.status == 503) for kind in CONNECTION.values())


def kind_of(error: errors.AppError) -> Kind:
    """The kind of an error: its own or its nearest ancestor's."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), INTERNAL)


def _documented(kinds: Iterable[tuple[Kind, bool]]) -> dict[int | str, dict[str, Any]]:
    return {
        kind.status: {
            "description": f"{kind.title}. {kind.remedy}",
            "headers": {**EVERY_ANSWER, **(RETRY if is_retried else {})},
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for kind, is_retried in kinds
    }


def _allowed(methods: str) -> str:
    """The value of an `Allow` header, with HEAD wherever there is GET, in one order."""
    names = {name.strip() for name in methods.split(",")}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))
