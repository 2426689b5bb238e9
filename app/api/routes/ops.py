"""Probes and metrics, answered from memory by the event loop."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import problems
from app.api.headers import COMMON_HEADERS
from app.inference.status import State
from app.inference.versions import ModelVersions
from app.telemetry.metrics import Metrics


class Health(BaseModel):
    """The response of a probe."""

    model_config = ConfigDict(frozen=True)

    ok: bool = Field(description="The result of the probe; the status is 200 if true, else 503.")
    state: State
    model: str
    version: int
    reasons: tuple[str, ...] = Field(description="Why the result is not true; empty if all is well.")


def create_router(versions: ModelVersions, metrics: Metrics) -> APIRouter:
    """`/livez`, `/readyz`, `/startupz` and `/metrics`."""
    from_connection = problems.of_connection()
    router = APIRouter(tags=["operations"], responses=from_connection)
    answered: dict[int | str, dict[str, Any]] = {200: {"headers": COMMON_HEADERS}}
    probed = {
        **answered,
        503: {
            "model": Health,
            "description": "`ok` is false; see `reasons`. Or a problem document: too many connections.",
            "headers": COMMON_HEADERS,
            "content": from_connection[503]["content"],
        },
    }

    def answer(response: Response, *, ok: bool) -> Health:
        status, contract = versions.status(), versions.current.contract
        response.status_code = 200 if ok else 503
        response.headers["Cache-Control"] = "no-store"
        return Health(
            ok=ok,
            state=status.state,
            model=contract.name,
            version=contract.version,
            reasons=status.reasons,
        )

    @router.get("/livez", summary="Liveness probe", responses=probed)
    async def livez(response: Response) -> Health:
        """503 if the engine hangs or the batcher failed: restart the server."""
        return answer(response, ok=versions.status().alive)

    @router.get("/readyz", summary="Readiness probe", responses=probed)
    async def readyz(response: Response) -> Health:
        """200 after verification against the golden answers, until the server drains."""
        return answer(response, ok=versions.status().ready)

    @router.get("/startupz", summary="Startup probe", responses=probed)
    async def startupz(response: Response) -> Health:
        """200 after the engine was loaded, warmed up and verified against the golden answers."""
        return answer(response, ok=versions.status().started)

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {**answered[200], "content": {"text/plain": {}}}},
    )
    async def prometheus() -> Response:
        """Metrics in Prometheus' text format, of all workers."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
