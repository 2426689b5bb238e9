"""Error responses for both request paths, in the form of the request's dialect.

Errors on a connection without a request are in `app/http/connection_errors.py`.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app import errors
from app.api import known_paths, problems
from app.api.dialects import Dialect, Encoded
from app.api.headers import REQUEST_ID, SECURITY_HEADERS
from app.telemetry.request_record import RequestRecord

log = logging.getLogger(__name__)

# Placeholder for the request id in a shared response. It is no valid request id.
_ID_PLACEHOLDER = "<request id>"


class _Shared(NamedTuple):
    """An error shared by many requests, and its response: the request id goes between prefix and suffix."""

    error: errors.AppError
    dialect: Dialect
    fault: str
    encoded: Encoded
    prefix: bytes
    suffix: bytes | None


class ErrorResponses:
    """Encodes errors as responses.

    Args:
        root_path: path under which a proxy serves the app; empty without one.
    """

    def __init__(self, root_path: str = "") -> None:
        self.root_path = root_path
        self._shared: _Shared | None = None

    def for_error(self, error: Exception, dialect: Dialect, record: RequestRecord) -> Encoded:
        """The response to a request that ended with an error.

        Args:
            error: the message of an `AppError` goes into the response; other errors become a 500.
            dialect: of the request.
            record: of the request; its `fault` is set.
        """
        extra = {"request_id": record.request_id}
        if not isinstance(error, errors.AppError):
            log.error("unexpected %s", type(error).__name__, extra=extra)
            return self.encode(problems.info_of_unexpected(), dialect, record)
        info = problems.info_of(error)
        if info.kind.status == 500:  # refusals are counted, not logged: under overload they are many
            log.error("%s", error, extra=extra, exc_info=error.__cause__)
        return self.encode(info, dialect, record)

    def for_scope(self, scope: Scope, error: Exception, *, may_hint: bool = True) -> Encoded:
        """The response to a request on the framework's path, also for the framework's own errors.

        Args:
            scope: of the request.
            error: that ended the request.
            may_hint: whether the response may suggest a similar path.
        """
        dialect, record = scope["dialect"], scope["record"]
        if isinstance(error, HTTPException):
            known = known_paths.suggestion(scope) if may_hint else None
            info = problems.info_of_framework(
                error,
                method=scope["method"],
                path=self.root_path + scope["path"],
                hint=known and self.root_path + known,
            )
            return self.encode(info, dialect, record)
        if isinstance(error, RequestValidationError):
            return self.encode(problems.info_of_validation(error), dialect, record)
        return self.for_error(error, dialect, record)

    def encode(self, info: problems.ErrorInfo, dialect: Dialect, record: RequestRecord) -> Encoded:
        """The response for an error; sets the `fault` of the record."""
        record.fault = info.kind.slug
        return dialect.encode_error(info, request_id=record.request_id, root_path=self.root_path)

    def for_refusal(self, error: errors.AppError, dialect: Dialect, record: RequestRecord) -> Encoded:
        """The same as `for_error`, encoded once for all requests that get the same error object.

        Encoding takes longer than all other steps of a refused request.
        """
        shared = self._shared
        if shared is None or shared.error is not error or shared.dialect is not dialect:
            info = problems.info_of(error)
            encoded = dialect.encode_error(info, request_id=_ID_PLACEHOLDER, root_path=self.root_path)
            prefix, found, after = encoded.content.partition(_ID_PLACEHOLDER.encode())
            shared = _Shared(error, dialect, info.kind.slug, encoded, prefix, after if found else None)
            self._shared = shared
        record.fault = shared.fault
        status, headers, _ = shared.encoded
        if shared.suffix is None:
            return shared.encoded
        content = b"%b%b%b" % (shared.prefix, record.request_id.encode(), shared.suffix)
        length = (b"content-length", b"%d" % len(content))
        return Encoded(
            status, (length, *(header for header in headers if header[0] != b"content-length")), content
        )


def as_response(encoded: Encoded) -> Response:
    """The framework's response for an encoded one."""
    response = Response(encoded.content, encoded.status)
    response.raw_headers = list(encoded.headers)
    return response


def install(app: FastAPI, responses: ErrorResponses) -> None:
    """Encode all errors of an app with these; the app needs the `RequestContext` middleware."""

    async def handle(request: Request, error: Exception) -> Response:
        encoded = responses.for_scope(request.scope, error)
        # Set here: the framework sends the response to an unexpected error outside of all middleware.
        own = ((REQUEST_ID, request.scope["record"].request_id.encode()), *SECURITY_HEADERS)
        return as_response(encoded._replace(headers=(*encoded.headers, *own)))

    for kind in (errors.AppError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, handle)
