"""What every call has in common: its key, its message, its errors as statuses, its record.

It is for gRPC what the middleware is for HTTP. All methods are registered as streams of requests, also those
that take one message: on the wire both are the same, and so a call can be refused before its message is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc import StatusCode

from app.api import problems
from app.api.dialects import Limits
from app.api.headers import SERVER_TIMING, Header, RequestHead
from app.api.middleware.auth import ApiKeyAuth
from app.api.predict import PredictCall
from app.api.recorder import request_id_of
from app.errors import AppError, BodyBudgetFull, MalformedPayload, NotReady, SlowPayload
from app.grpc.head import head_of
from app.grpc.recorder import CallRecorder
from app.grpc.status import code_of
from app.telemetry.request_record import RequestRecord

PROTOCOL = "grpc"
STOPPING = "the server is shutting down"
# If a message is over the limit, the library ends the call: the handler reads the end of the stream, and is
# cancelled a moment later.
_END_SECONDS = 0.1

M = TypeVar("M", bound=Message)
T = TypeVar("T")
# Generic only for type checkers.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

log = logging.getLogger(__name__)


class Call:
    """One call.

    Attributes:
        context: of the call.
        head: its metadata.
        record: of the call.
        predict: its prediction, if it has one.
    """

    __slots__ = ("context", "head", "predict", "record")

    def __init__(self, method: str, context: Context) -> None:
        self.context = context
        self.head: RequestHead = head_of(context.invocation_metadata(), remaining=context.time_remaining())
        self.record = RequestRecord(
            request_id_of(self.head),
            perf_counter(),
            "POST",
            f"/{method}",
            protocol=PROTOCOL,
            route=method,
            status=200,
        )
        self.predict: PredictCall | None = None

    def metadata(self, headers: tuple[Header, ...] = ()) -> tuple[tuple[str, str], ...]:
        """The metadata after the answer: the id of the request, and its timing if that is in the headers."""
        timing = next((value for name, value in headers if name == SERVER_TIMING), None)
        sent = [("x-request-id", self.record.request_id)]
        if timing is not None:
            sent.append(("server-timing", timing.decode()))
        return tuple(sent)


Answer = Callable[[Call], Awaitable[bytes]]
Stream = Callable[[Call], Awaitable[None]]


class Calls:
    """Makes the handlers of methods.

    Args:
        limits: of each call.
        recorder: records each call.
        auth: checks API keys; None if none is needed.
        max_bytes_in_flight: of messages that are being received; 0 for no limit.
        stopping: set when the server stops; further calls are refused then.
    """

    def __init__(
        self,
        limits: Limits,
        recorder: CallRecorder,
        *,
        stopping: asyncio.Event,
        auth: ApiKeyAuth | None,
        max_bytes_in_flight: int,
    ) -> None:
        self._limits = limits
        self._recorder = recorder
        self._auth = auth
        self._stopping = stopping
        at_once = max(1, max_bytes_in_flight // limits.max_body_bytes)
        self._receiving = asyncio.Semaphore(at_once) if max_bytes_in_flight else None

    def unary(self, method: str, answer: Answer, *, is_open: bool = False) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method with one answer.

        Args:
            method: with its service.
            answer: returns the message, serialized. It reads the request itself, with `read`.
            is_open: whether it needs no API key.
        """

        async def handle(_requests: object, context: Context) -> bytes:
            return await self._run(Call(method, context), answer, is_open=is_open)

        return grpc.stream_unary_rpc_method_handler(handle)

    def streaming(
        self, method: str, stream: Stream, *, is_open: bool = False
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method whose answers are written to its context; arguments as for `unary`."""

        async def handle(_requests: object, context: Context) -> None:
            await self._run(Call(method, context), stream, is_open=is_open)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def read(self, call: Call, kind: type[M]) -> M:
        """The message of a call with one request.

        Raises:
            PayloadError: it did not come in time, is too large, or is no such message.
        """
        raw = await self._receive(call.context)
        if raw is grpc.aio.EOF:
            # If the library has refused the message, it cancels this.
            await asyncio.sleep(_END_SECONDS)
            raise MalformedPayload("the call ended without a message; send one")
        return parsed(kind, raw)

    async def _run(self, call: Call, run: Callable[[Call], Awaitable[T]], *, is_open: bool) -> T:
        code, context, record = StatusCode.OK, call.context, call.record
        try:
            if not is_open:
                self._admit(call)
            return await run(call)
        except asyncio.CancelledError:
            code = _code_of_end(call)
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes a status
            info = info_of(error, request_id=record.request_id)
            record.fault, record.status, code = info.kind.slug, info.kind.status, code_of(info)
            # Raises: what is returned or set with `set_code` would send an empty message before the status.
            return await context.abort(code, info.detail, call.metadata())
        finally:
            self._recorder.record(record, call.head, code=code, call=call.predict)

    def _admit(self, call: Call) -> None:
        """Check the key of a call, and that the server does not stop."""
        if self._auth is not None:
            call.record.client = self._auth.authenticate(call.head)
        if self._stopping.is_set():
            raise NotReady(STOPPING)

    async def _receive(self, context: Context) -> Any:
        """The bytes of the next message, or `grpc.aio.EOF`."""
        receiving = self._receiving
        is_waiting = receiving is not None
        try:
            async with asyncio.timeout(self._limits.timeout):
                if receiving is None:
                    return await context.read()
                async with receiving:
                    is_waiting = False
                    return await context.read()
        except TimeoutError:
            if is_waiting:
                raise BodyBudgetFull("too many messages are being received; try again in 1 s") from None
            raise SlowPayload("the message did not arrive in time") from None


def parsed(kind: type[M], raw: bytes) -> M:
    """A message from its bytes.

    Raises:
        MalformedPayload: they are no such message.
    """
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise MalformedPayload(f"the message is no {kind.DESCRIPTOR.full_name}") from None


def info_of(error: Exception, *, request_id: str) -> problems.ErrorInfo:
    """The error info of an error. One that was not raised on purpose is logged; its text is not sent."""
    extra = {"request_id": request_id}
    if not isinstance(error, AppError):
        log.error("unexpected %s", type(error).__name__, extra=extra, exc_info=error)
        return problems.info_of_unexpected()
    info = problems.info_of(error)
    if info.kind.status == 500:  # refusals are counted, not logged: under overload they are many
        log.error("%s", error, extra=extra, exc_info=error.__cause__)
    return info


def _code_of_end(call: Call) -> StatusCode:
    """The status of a call that the library has ended: its client left, or it refused the message."""
    record = call.record
    if call.context.time_remaining() == 0:
        record.fault, record.status = "deadline", 504
        return StatusCode.DEADLINE_EXCEEDED
    record.fault, record.status = "cancelled", 499
    return StatusCode.CANCELLED
