"""Errors as RFC 9457 problem documents, and the OpenAPI `responses` that describe them.

`app/api/problem_kinds.py` has the table of exceptions, statuses and texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app import errors
from app.api.headers import COMMON_HEADERS, RETRY_HEADERS, Header
from app.api.problem_kinds import CONNECTION, FRAMEWORK, INTERNAL, KINDS, Kind
from app.client.schemas import Problem, Violation

MEDIA_TYPE = "application/problem+json"
_RETRIED = (errors.QueueFull, errors.BodyBudgetFull, errors.NotReady)


class ErrorInfo(NamedTuple):
    """An error response, independent of the dialect.

    Attributes:
        kind: of problem.
        detail: what is wrong, where, and what to do.
        headers: that the response needs.
        violations: pointer and message of the first invalid places.
        total: number of invalid places; None without violations.
    """

    kind: Kind
    detail: str
    headers: tuple[Header, ...] = ()
    violations: tuple[tuple[str, str], ...] = ()
    total: int | None = None


def info_of(error: errors.AppError) -> ErrorInfo:
    """The error info of an error that was raised on purpose."""
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
    """The error info of an error of the HTTP framework.

    Args:
        error: why.
        method: of the request.
        path: as the client sent it, with the root path.
        hint: path of a route that the client may have meant.
    """
    kind = FRAMEWORK.get(error.status_code) or Kind("http", error.status_code, str(error.detail), "")
    detail = f"{method} {path}: {kind.title.lower()}" + (f"; use {hint}" if hint else "")
    given = {name.lower(): value for name, value in (error.headers or {}).items()}
    if "allow" in given:
        given["allow"] = _allowed(given["allow"])
    return ErrorInfo(kind, detail, tuple((name.encode(), value.encode()) for name, value in given.items()))


def info_of_validation(error: RequestValidationError) -> ErrorInfo:
    """The error info of parameters that the HTTP framework refuses."""
    places = [("/".join(str(part) for part in item["loc"]), str(item["msg"])) for item in error.errors()]
    return info_of(errors.ContractViolation(places))


def info_of_unexpected() -> ErrorInfo:
    """The error info of an unexpected error: never its own text, which may hold private data."""
    return ErrorInfo(INTERNAL, "unexpected error; the server's log has the cause under this request id")


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
    """The OpenAPI `responses` of every route: errors that end its connection before a request was read."""
    return _documented((kind, kind.status == 503) for kind in CONNECTION.values())


def kind_of(error: errors.AppError) -> Kind:
    """The kind of an error: its own or its nearest ancestor's."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), INTERNAL)


def _documented(kinds: Iterable[tuple[Kind, bool]]) -> dict[int | str, dict[str, Any]]:
    return {
        kind.status: {
            "description": f"{kind.title}. {kind.remedy}",
            "headers": {**COMMON_HEADERS, **(RETRY_HEADERS if is_retried else {})},
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for kind, is_retried in kinds
    }


def _allowed(methods: str) -> str:
    """The value of an `Allow` header, with HEAD wherever there is GET, in one order."""
    names = {name.strip() for name in methods.split(",")}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))
