"""The server's own dialect: `POST /predict` and `GET /model`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from app import errors
from app.contract import Artifact, Contract
from app.metrics import Metrics
from app.payloads import JSON, NPY, Decoders, PredictionEncoder, accepts_npy, encode_npy
from app.routes.bodies import read_body
from app.routes.problems import responses
from app.schemas import PredictRequest, PredictResponse
from app.service import Service

EXAMPLE_SERIES = 2


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


def create_router(service: Service, metrics: Metrics, limits: Limits) -> APIRouter:
    """`POST /predict` and `GET /model` of one service."""
    router = APIRouter(tags=["predictions"])
    contract = service.contract
    decoders = Decoders(length=contract.input.length, max_instances=limits.max_instances)
    labels = [label.name for label in contract.labels]
    encode_json = PredictionEncoder(model=contract.name, version=contract.version, labels=labels)

    @router.post(
        "/predict",
        summary="Classify series",
        response_class=Response,
        responses={200: _ok(), **responses(*PREDICT_ERRORS)},
        openapi_extra={"requestBody": _request_body(service.artifact)},
    )
    async def predict(request: Request) -> Response:
        """Class probabilities of one or more series.

        Series that arrive together are computed together; each gets the answer it would get alone.
        `Server-Timing` says where the time went and how many series shared the batch.
        """
        loop_time = asyncio.get_running_loop().time
        deadline = loop_time() + limits.timeout
        decode = decoders.for_content_type(request.headers.get("content-type"))
        body = await read_body(request, max_bytes=limits.max_body_bytes, deadline=deadline)
        started = perf_counter()
        series = decode(body)
        parsed = perf_counter() - started
        answer = await service.predict(series, deadline=deadline)
        metrics.predicted(_label_counts(answer.result, labels))
        binary = accepts_npy(request.headers.get("accept"))
        content = encode_npy(answer.result) if binary else encode_json(answer.result)
        timing = (
            f"parse;dur={parsed * 1e3:.3f}, queue;dur={answer.queued * 1e3:.3f}, "
            f'infer;dur={answer.ran * 1e3:.3f}, batch;desc="{answer.batch_rows} series"'
        )
        return Response(content, media_type=NPY if binary else JSON, headers={"Server-Timing": timing})

    @router.get("/model", summary="Describe the model")
    async def model() -> ModelInfo:
        """The contract of the model that is served, its metrics, its card, and the engine it runs on."""
        return ModelInfo(
            engine=service.engine_description,
            contract=contract,
            card=service.artifact.card,
        )

    return router


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


def _label_counts(probabilities: NDArray[np.float32], labels: list[str]) -> dict[str, int]:
    counts = np.bincount(probabilities.argmax(axis=1), minlength=len(labels))
    return {label: int(count) for label, count in zip(labels, counts, strict=True) if count}


def _request_body(artifact: Artifact) -> dict[str, Any]:
    # Real series of the artifact, so that "Try it out" in the docs works at the first click.
    series = [[round(float(value), 4) for value in row] for row in artifact.golden.series[:EXAMPLE_SERIES]]
    length = artifact.contract.input.length
    return {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{PredictRequest.__name__}"},
                "example": {"instances": series},
            },
            NPY: {
                "schema": {"type": "string", "format": "binary"},
                "description": f"A NumPy array of numbers, shape (n, {length}), as `numpy.save` writes it.",
            },
        },
    }


def _ok() -> dict[str, Any]:
    return {
        "description": "A prediction for each series, in order.",
        "content": {
            JSON: {"schema": {"$ref": f"#/components/schemas/{PredictResponse.__name__}"}},
            NPY: {"schema": {"type": "string", "format": "binary"}},
        },
    }
