"""Errors over HTTP: which exception is which status, in one table, as RFC 9457 problem documents."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app import errors
from app.api import answer_headers, known_paths, security
from app.client.schemas import Problem, Violation

log = logging.getLogger(__name__)

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


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(errors.AppError, _app_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Exception, _unexpected_error)


def create_router(root_path: str = "") -> APIRouter:
    """Routes that say what each type of problem is.

    Args:
        root_path: path under which a proxy serves the app; empty without one.
    """
    router = APIRouter(include_in_schema=False)
    known = {kind.slug: kind for kind in ALL_KINDS}

    @router.get("/problems/{slug}")
    async def problem(slug: str) -> dict[str, str | int]:
        """What a type of problem means and what to do about it."""
        if slug not in known:
            raise HTTPException(404)
        kind = known[slug]
        return {
            "type": kind.type_under(root_path),
            "title": kind.title,
            "status": kind.status,
            "remedy": kind.remedy,
        }

    return router


def responses(*kinds: type[errors.AppError]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI `responses` of a route that may raise these."""
    return _documented((KINDS[error], error in _RETRIED) for error in kinds)


def of_connection() -> dict[int | str, dict[str, Any]]:
    """The OpenAPI `responses` of every route: with these its connection may end before there is a request."""
    return _documented((kind, kind.status == 503) for kind in CONNECTION.values())


def _documented(kinds: Iterable[tuple[Kind, bool]]) -> dict[int | str, dict[str, Any]]:
    return {
        kind.status: {
            "description": f"{kind.title}. {kind.remedy}",
            "headers": {**answer_headers.EVERY, **(answer_headers.RETRY if is_retried else {})},
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for kind, is_retried in kinds
    }


def kind_of(error: errors.AppError) -> Kind:
    """The kind of an error: its own or its nearest ancestor's."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), INTERNAL)


def answer(request: Request, error: errors.AppError) -> Response:
    """The problem document of an error that was raised on purpose."""
    kind = kind_of(error)
    if kind.status == 500:  # refusals are counted, not logged: under overload they are many
        log.error("%s", error, extra={"request_id": request.scope["request_id"]}, exc_info=error.__cause__)
    return _respond(request, kind, str(error), error=error)


def of_framework(request: Request, error: HTTPException, *, known: str | None = None) -> Response:
    """The problem document of what the framework refuses.

    Args:
        request: that is refused.
        error: why.
        known: path of a route that its caller may have meant.
    """
    kind = FRAMEWORK.get(error.status_code) or Kind("http", error.status_code, str(error.detail), "")
    prefix = _prefix(request)
    hint = f"; {prefix}{known} is one" if known else ""
    detail = f"{request.method} {prefix}{request.url.path}: {kind.title.lower()}{hint}"
    return _respond(request, kind, detail, error=error)


def unexpected(request: Request, error: Exception) -> Response:
    """The problem document of an error that nobody expected: never its own text, which may hold anything."""
    log.error("unexpected %s", type(error).__name__, extra={"request_id": request.scope["request_id"]})
    return _respond(request, INTERNAL, "an unexpected error; the log has it under this request id")


def _prefix(request: Request) -> str:
    """What a proxy serves this server under, which `Surroundings` know."""
    prefix: str = request.scope.get("url_prefix", "")
    return prefix


def _allowed(methods: str) -> str:
    """The value of an `Allow` header, with HEAD wherever there is GET, in one order."""
    names = {name.strip() for name in methods.split(",")}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))


def _respond(request: Request, kind: Kind, detail: str, *, error: Exception | None = None) -> Response:
    violations, total = None, None
    # Set here, with those of `security`: the framework answers an unexpected error outside of all middleware.
    headers = {"X-Request-Id": request.scope["request_id"]}
    if isinstance(error, errors.ContractViolation):
        violations = [Violation(pointer=pointer, message=message) for pointer, message in error.violations]
        total = error.total
    elif isinstance(error, errors.QueueFull):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif isinstance(error, errors.NotReady | errors.BodyBudgetFull):
        headers["Retry-After"] = "1"
    elif isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, HTTPException) and error.headers:
        headers.update(error.headers)
        if "Allow" in headers:
            headers["Allow"] = _allowed(headers["Allow"])
    request.scope["fault"] = kind.slug  # what the request's trace calls it
    document = Problem(
        type=kind.type_under(_prefix(request)),
        title=kind.title,
        status=kind.status,
        detail=detail,
        request_id=request.scope["request_id"],
        violations=violations,
        total=total,
    )
    body = document.model_dump_json(exclude_none=True)
    response = Response(body, status_code=kind.status, headers=headers, media_type=MEDIA_TYPE)
    response.raw_headers.extend(security.PLAIN)
    return response


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.AppError)  # noqa: S101 - registered for this type alone
    return answer(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return of_framework(request, error, known=known_paths.suggestion(request.scope))


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    places = [("/".join(str(part) for part in item["loc"]), str(item["msg"])) for item in error.errors()]
    violation = errors.ContractViolation(places)
    return _respond(request, kind_of(violation), str(violation), error=violation)


async def _unexpected_error(request: Request, error: Exception) -> Response:
    return unexpected(request, error)  # the framework logs the trace
