"""The route of streams, as a plain ASGI app: one coroutine that receives and sends."""

from __future__ import annotations

from contextlib import aclosing
from typing import cast

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api.dialects.native import Native, NativeCodec
from app.api.error_responses import ErrorResponses
from app.api.predict import Predictor
from app.api.recorder import RouteTemplate
from app.api.request_body import STREAMED
from app.api.stream.options import NDJSON, read_options
from app.api.stream.session import StreamCall
from app.errors import AppError, MalformedPayload, NotReady

STREAM = "/predict/stream"
# The last one is for nginx, which would keep lines until it has some kilobytes of them.
_HEADERS = [(b"content-type", NDJSON.encode()), (b"x-accel-buffering", b"no")]


def create_route(predictor: Predictor, dialect: Native, errors: ErrorResponses) -> Route:
    """`POST /predict/stream`.

    Args:
        predictor: shared with all predictions.
        dialect: encodes predictions.
        errors: encode the problem in the last line.
    """
    return Route(STREAM, _Stream(predictor, dialect, errors), methods=["POST"], include_in_schema=False)


class _Stream:
    def __init__(self, predictor: Predictor, dialect: Native, errors: ErrorResponses) -> None:
        self._predictor, self._dialect, self._errors = predictor, dialect, errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request. An error before the first line gets a response of its own."""
        scope["route"] = RouteTemplate(STREAM)
        call = scope["call"] = self._open(scope)
        # The dialect's own, so that a batch is encoded once for all of its requests.
        codec = cast("NativeCodec", self._predictor.codec(self._dialect, call.service))
        has_started = False
        try:
            async with aclosing(call.lines(receive, codec.encoders.json)) as lines:
                async for text in lines:
                    if not has_started:
                        has_started = True
                        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                    if text:
                        await send({"type": "http.response.body", "body": text, "more_body": True})
        except Exception as error:
            if not has_started:
                raise
            last = self._problem(error, scope, call)
            await send({"type": "http.response.body", "body": last, "more_body": False})
            if not isinstance(error, AppError):
                raise  # for the log
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _open(self, scope: Scope) -> StreamCall:
        """Read the head of a request."""
        versions, limits = self._predictor.versions, self._predictor.limits
        if scope["http_version"] == "1.0":
            raise MalformedPayload("the response has no length; send the request as HTTP/1.1")
        if versions.draining.is_set():
            raise NotReady("the server shuts down; start the stream on another replica")
        if refusal := versions.current.refusal():
            raise refusal.with_traceback(None)  # the error object is shared
        scope.setdefault("state", {})[STREAMED] = True
        options = read_options(scope["head"], max_timeout=limits.timeout)
        return StreamCall(versions, options, max_instances=limits.max_instances)

    def _problem(self, error: Exception, scope: Scope, call: StreamCall) -> bytes:
        """The last line of a stream that ends early: a problem document with the totals."""
        record, totals = scope["record"], call.totals
        encoded = self._errors.for_error(error, self._dialect, record)
        record.late_status = encoded.status
        head = b'{"windows":%d,"values":%d,' % (totals.windows, totals.values)
        return head + encoded.content[1:] + b"\n"
