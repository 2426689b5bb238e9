"""`GET /model`: the served version and its engine."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.explain_parameters import ExplainLimits, support_for
from app.api.headers import COMMON_HEADERS
from app.api.payloads.field_encoder import npy_fields
from app.api.problems import of_connection
from app.client.schemas import ExplanationSupport, NpyFields, RequestLimits
from app.contract import Contract
from app.inference.versions import ModelVersions

MODEL = "/model"


class ModelInfo(BaseModel):
    """The served version: its contract, its card and its engine; the limits of requests to this server."""

    model_config = ConfigDict(frozen=True)

    engine: str | None = Field(description="The runtime and its graph; null until the engine is verified.")
    loaded: tuple[int, ...] = Field(
        description="Versions that `?version=` accepts; the default version is first."
    )
    refused: dict[str, str] = Field(description="Versions that failed their checks, with the reason.")
    limits: RequestLimits
    npy_fields: NpyFields
    explanations: ExplanationSupport | None = Field(
        description="What `POST /explain` takes; null if this version was sealed without explanations."
    )
    contract: Contract
    card: str = Field(description="The model card, Markdown.")


def create_router(versions: ModelVersions, limits: RequestLimits, explain_limits: ExplainLimits) -> APIRouter:
    """`GET /model`."""
    router = APIRouter(tags=["predictions"], responses=of_connection())

    @router.get(MODEL, summary="Describe the model", responses={200: {"headers": COMMON_HEADERS}})
    async def model() -> ModelInfo:
        """The contract, the metrics, the card and the engine of the version that is served; the limits."""
        service = versions.current
        return ModelInfo(
            engine=service.engine_description,
            loaded=versions.loaded,
            refused=dict(versions.refused),
            limits=limits,
            npy_fields=npy_fields(service.contract),
            explanations=support_for(service.contract, explain_limits),
            contract=service.contract,
            card=service.artifact.card,
        )

    return router
