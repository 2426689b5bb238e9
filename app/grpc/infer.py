"""ModelInfer and ModelStreamInfer: the steps of every prediction, for messages of gRPC."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import NamedTuple

import grpc

from app.api import parameters
from app.api.dialects import Limits, PredictOptions
from app.api.dialects.v2.model.metadata import parse_version
from app.api.headers import REQUEST_ID, RequestHead
from app.api.predict import PredictCall, Predictor
from app.api.recorder import safe_request_id
from app.contract import Contract
from app.errors import NotReady
from app.grpc.calls import PROTOCOL, STOPPING, Call, Calls, info_of, parsed
from app.grpc.generated.inference_pb2 import ModelInferRequest, ModelInferResponse, ModelStreamInferResponse
from app.grpc.messages import INFER_RESPONSE, InferCodec, field
from app.grpc.server import Handler
from app.inference.batching import BatchResult
from app.inference.predictions import BatchSlice

SERVICE = "inference.GRPCInferenceService"
INFER, STREAM = f"{SERVICE}/ModelInfer", f"{SERVICE}/ModelStreamInfer"
# Requests of one stream that are not answered yet. Further ones are read when some are.
_MAX_WAITING = 32

_MODEL, _VERSION = "model", "version"
Result = BatchResult[BatchSlice]


class InferProtocol:
    """What `PredictCall` needs of this protocol. The head of a call is its metadata and its model."""

    name = PROTOCOL

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """Options of a request.

        Raises:
            UnknownModel: the version is no number.
        """
        return PredictOptions(
            timeout=parameters.timeout_of(head, most=limits.timeout),
            model=head.parameters[_MODEL],
            version=parse_version(head.parameters[_VERSION]),
        )

    def codec(self, contract: Contract, *, max_instances: int) -> InferCodec:
        """The codec for one version."""
        return InferCodec(contract, max_series=max_instances)


class Inference:
    """The methods that predict.

    Args:
        calls: makes handlers.
        predictor: shared by all predictions.
        stopping: set when the server stops; streams end then.
    """

    def __init__(self, calls: Calls, predictor: Predictor, stopping: asyncio.Event) -> None:
        self._calls = calls
        self._predictor = predictor
        self._stopping = stopping
        self._protocol = InferProtocol()

    async def infer(self, call: Call) -> bytes:
        """Answer one request."""
        predict = call.predict = PredictCall(self._predictor, self._protocol)
        # Read first: a proxy passes on the reset that follows an answer to half a message, not the answer.
        request = await self._calls.read(call, ModelInferRequest)
        try:
            result = await self._submit(call, predict, request)
            encoded = predict.encode(result)
        finally:
            predict.cancel()
        call.context.set_trailing_metadata(call.metadata(encoded.headers))
        return encoded.content

    async def stream(self, call: Call) -> None:
        """Answer the requests of a stream in their order, until its client has sent all or the server stops.

        An error is the answer to its request alone; the stream goes on.
        """
        waiting: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        room = asyncio.Semaphore(_MAX_WAITING)
        reading = asyncio.create_task(self._read_stream(call, waiting, room))
        ending = asyncio.create_task(self._end_on_stop(reading))
        try:
            while (item := await waiting.get()) is not None:
                await call.context.write(await self._answer(call, item))
                room.release()
            if self._stopping.is_set():
                raise NotReady(STOPPING)
            call.context.set_trailing_metadata(call.metadata())
        finally:
            ending.cancel()
            reading.cancel()
            while not waiting.empty():
                if (item := waiting.get_nowait()) is not None:
                    item.drop()

    def methods(self) -> dict[str, Handler]:
        """The handlers."""
        return {
            INFER: self._calls.unary(INFER, self.infer),
            STREAM: self._calls.streaming(STREAM, self.stream),
        }

    def _submit(self, call: Call, predict: PredictCall, request: ModelInferRequest) -> Future[Result]:
        if refusal := predict.refusal():
            raise refusal.with_traceback(None)  # the error object is shared
        head, record = call.head, call.record
        head.parameters = {_MODEL: request.model_name, _VERSION: request.model_version}
        if request.id and head.get(REQUEST_ID) is None:
            record.request_id = safe_request_id(request.id) or record.request_id
        predict.read_head(head, now=asyncio.get_running_loop().time())
        return predict.submit(request)

    async def _read_stream(
        self, call: Call, waiting: asyncio.Queue[_Waiting | None], room: asyncio.Semaphore
    ) -> None:
        """Submit the requests of a stream as they come; None stands for its end."""
        try:
            while True:
                await room.acquire()
                raw = await call.context.read()
                if raw is grpc.aio.EOF:
                    break
                waiting.put_nowait(self._admit(call, raw))
        finally:
            waiting.put_nowait(None)

    async def _end_on_stop(self, reading: asyncio.Task[None]) -> None:
        """Read no more requests of a stream once the server stops; those that were read are answered."""
        await self._stopping.wait()
        reading.cancel()

    def _admit(self, call: Call, raw: bytes) -> _Waiting:
        predict, request_id = PredictCall(self._predictor, self._protocol), ""
        try:
            request = parsed(ModelInferRequest, raw)
            request_id = request.id
            future = self._submit(call, predict, request)
        except Exception as error:  # noqa: BLE001 - the answer to this request
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        return _Waiting(request_id, predict, future)

    async def _answer(self, call: Call, item: _Waiting) -> bytes:
        """The message that answers one request of a stream."""
        try:
            encoded = item.predict.encode(await item.future)
            return b"".join(field(INFER_RESPONSE, encoded.content))
        except Exception as error:  # noqa: BLE001 - the answer to this request
            info = info_of(error, request_id=call.record.request_id)
        finally:
            item.drop()
        return ModelStreamInferResponse(
            error_message=info.detail, infer_response=ModelInferResponse(id=item.id)
        ).SerializeToString()


class _Waiting(NamedTuple):
    """A request of a stream: its id, and its prediction; the future has the error of one that was refused."""

    id: str
    predict: PredictCall
    future: Future[Result]

    def drop(self) -> None:
        """Cancel the prediction if it is not done: no one waits for it."""
        self.predict.cancel()
        if not self.future.cancelled():
            self.future.exception()  # or its error would be logged as one that was never retrieved
