"""The server's own dialect: `POST /predict` and `GET /model`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import errors
from app.contract import Contract
from app.metrics import Metrics
from app.payloads import Decoders
from app.routes import abstention, examples
from app.routes.answers import AnswerWriter
from app.routes.bodies import read_body
from app.routes.problems import responses
from app.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost."""

    max_instances: int
    max_body_bytes: int
    timeout: float


class ModelInfo(BaseModel):
    """What is served: the contract as sealed, and how it runs here."""

    model_config = ConfigDict(frozen=True)

    engine: str | None = Field(description="The runtime and its graph; null until they are proven.")
    contract: Contract
    card: str = Field(description="The model card, Markdown.")


PREDICT_ERRORS = (
    errors.MalformedPayload,
    errors.SlowPayload,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
    errors.ContractViolation,
    errors.QueueFull,
    errors.EngineError,
    errors.NotReady,
    errors.DeadlineExceeded,
)


def create_router(service: Service, metrics: Metrics, limits: Limits) -> APIRouter:
    """`POST /predict` and `GET /model` of one service."""
    router = APIRouter(tags=["predictions"])
    contract = service.contract
    decoders = Decoders(length=contract.input.length, max_instances=limits.max_instances)
    write = AnswerWriter(contract, metrics)

    @router.post(
        "/predict",
        summary="Classify series",
        response_class=Response,
        responses={200: examples.answer(service.artifact, write.to_json), **responses(*PREDICT_ERRORS)},
        openapi_extra={
            "parameters": [abstention.PARAMETER],
            "requestBody": examples.request_body(service.artifact),
        },
    )
    async def predict(request: Request) -> Response:
        """Class probabilities of one or more series, and how far to trust them.

        Series that arrive together are computed together; each gets the answer it would get alone.
        `Server-Timing` says where the time went and how many series shared the batch.
        """
        loop_time = asyncio.get_running_loop().time
        deadline = loop_time() + limits.timeout
        abstain = abstention.wants_to_abstain(request, contract)
        decode = decoders.for_content_type(request.headers.get("content-type"))
        body = await read_body(request, max_bytes=limits.max_body_bytes, deadline=deadline)
        started = perf_counter()
        series = decode(body)
        parsed = perf_counter() - started
        answer = await service.predict(series, deadline=deadline)
        content, media_type = write(answer.result, accept=request.headers.get("accept"), abstain=abstain)
        timing = (
            f"parse;dur={parsed * 1e3:.3f}, queue;dur={answer.queued * 1e3:.3f}, "
            f'infer;dur={answer.ran * 1e3:.3f}, batch;desc="{answer.batch_rows} series"'
        )
        return Response(content, media_type=media_type, headers={"Server-Timing": timing})

    @router.get("/model", summary="Describe the model")
    async def model() -> ModelInfo:
        """The contract of the model that is served, its metrics, its card, and the engine it runs on."""
        return ModelInfo(
            engine=service.engine_description,
            contract=contract,
            card=service.artifact.card,
        )

    return router
