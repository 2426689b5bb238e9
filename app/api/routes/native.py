"""The server's own dialect: `POST /predict` and `GET /model`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import errors
from app.api import abstention, answer_headers, patience, versions
from app.api.predict import Predict
from app.api.problems import of_connection, responses
from app.api.routes import openapi
from app.client.schemas import PredictRequest
from app.contract import Contract
from app.inference.service import Service
from app.inference.versions import Rollout

PREDICT = "/predict"
MODEL = "/model"


class ModelInfo(BaseModel):
    """What is served: the contract as sealed, and how it runs here."""

    model_config = ConfigDict(frozen=True)

    engine: str | None = Field(description="The runtime and its graph; null until they are proven.")
    loaded: tuple[int, ...] = Field(
        description="Versions that `?version=` may ask for, the one served first."
    )
    refused: dict[str, str] = Field(description="Versions that failed their checks, and why.")
    contract: Contract
    card: str = Field(description="The model card, Markdown.")


PREDICT_ERRORS = (
    errors.MalformedPayload,
    errors.SlowPayload,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
    errors.ContractViolation,
    errors.QueueFull,
    errors.ClientClosed,
    errors.EngineError,
    errors.NotReady,
    errors.DeadlineExceeded,
)


def create_router(rollout: Rollout, answer: Predict) -> APIRouter:
    """`POST /predict`, which `answer` answers, and `GET /model`."""
    router = APIRouter(tags=["predictions"], responses=of_connection())

    @router.post(
        PREDICT,
        summary="Classify series",
        response_class=Response,
        responses=responses(*PREDICT_ERRORS),
        openapi_extra={"parameters": [abstention.PARAMETER, versions.PARAMETER, patience.PARAMETER]},
    )
    async def predict(request: Request) -> Response:
        """Class probabilities of one or more series, and how far to trust them.

        Series that arrive together are computed together; each gets the answer it would get alone.
        `Server-Timing` says where the time went and how many series shared the batch.
        """
        return await answer(request.scope, request.receive)

    @router.get(
        MODEL,
        summary="Describe the model",
        responses={200: {"headers": answer_headers.EVERY}},
    )
    async def model() -> ModelInfo:
        """The contract of the version that is served, its metrics, its card, and the engine it runs on."""
        service = rollout.current
        return ModelInfo(
            engine=service.engine_description,
            loaded=rollout.versions,
            refused=dict(rollout.refused),
            contract=service.contract,
            card=service.artifact.card,
        )

    return router


def describe(document: dict[str, Any], service: Service, answer: Predict) -> None:
    """Complete an OpenAPI document with what depends on the version: its series, and the answer to two."""
    operation = document["paths"][PREDICT]["post"]
    openapi.limit(
        document["components"]["schemas"][PredictRequest.__name__],
        length=service.contract.input.length,
        max_instances=answer.voice().decoders.max_instances,
    )
    operation["requestBody"] = openapi.request_body(service.artifact)
    operation["responses"]["200"] = openapi.answer(service.artifact, answer.voice().write.to_json)
