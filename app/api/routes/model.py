"""`GET /model`: the served version and its engine."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.headers import COMMON_HEADERS
from app.api.problems import of_connection
from app.contract import Contract
from app.inference.versions import ModelVersions

MODEL = "/model"


class ModelInfo(BaseModel):
    """The served version: its contract, its card and its engine."""

    model_config = ConfigDict(frozen=True)

    engine: str | None = Field(description="The runtime and its graph; null until the engine is verified.")
    loaded: tuple[int, ...] = Field(
        description="Versions that `?version=` accepts; the default version is first."
    )
    refused: dict[str, str] = Field(description="Versions that failed their checks, with the reason.")
    contract: Contract
    card: str = Field(description="The model card, Markdown.")


def create_router(versions: ModelVersions) -> APIRouter:
    """`GET /model`."""
    router = APIRouter(tags=["predictions"], responses=of_connection())

    @router.get(MODEL, summary="Describe the model", responses={200: {"headers": COMMON_HEADERS}})
    async def model() -> ModelInfo:
        """The contract of the version that is served, its metrics, its card, and the engine it runs on."""
        service = versions.current
        return ModelInfo(
            engine=service.engine_description,
            loaded=versions.loaded,
            refused=dict(versions.refused),
            contract=service.contract,
            card=service.artifact.card,
        )

    return router
