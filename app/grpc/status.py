"""The gRPC status of each kind of error, by its HTTP status in `app.api.problem_kinds`."""

from __future__ import annotations

from collections.abc import Mapping

from grpc import StatusCode

from app.api.problems import ErrorInfo

# Overload is UNAVAILABLE, as in Triton. RESOURCE_EXHAUSTED is a message over the limit, which no retry helps.
CODES: Mapping[int, StatusCode] = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    408: StatusCode.DEADLINE_EXCEEDED,
    413: StatusCode.RESOURCE_EXHAUSTED,
    415: StatusCode.INVALID_ARGUMENT,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.UNAVAILABLE,
    499: StatusCode.CANCELLED,
    500: StatusCode.INTERNAL,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


def code_of(info: ErrorInfo) -> StatusCode:
    """The status code of an error."""
    return CODES[info.kind.status]
