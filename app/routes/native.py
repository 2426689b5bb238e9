"""The server's own dialect: `POST /predict` and `GET /model`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import errors
from app.contract import Contract
from app.routes import abstention, examples
from app.routes.predict import Predict
from app.routes.problems import responses
from app.service import Service

PREDICT = "/predict"


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


def create_router(service: Service, answer: Predict) -> APIRouter:
    """`POST /predict`, which `answer` answers, and `GET /model` of one service."""
    router = APIRouter(tags=["predictions"])

    @router.post(
        PREDICT,
        summary="Classify series",
        response_class=Response,
        responses={200: examples.answer(service.artifact, answer.to_json), **responses(*PREDICT_ERRORS)},
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
        return await answer(request.scope, request.receive)

    @router.get("/model", summary="Describe the model")
    async def model() -> ModelInfo:
        """The contract of the model that is served, its metrics, its card, and the engine it runs on."""
        return ModelInfo(
            engine=service.engine_description,
            contract=service.contract,
            card=service.artifact.card,
        )

    return router
