"""What operators and their machines ask: probes and metrics. Answered from memory by the event loop."""

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
    """The answer of a probe."""

    model_config = ConfigDict(frozen=True)

    ok: bool = Field(description="What the probe asks; the status is 200 if so, else 503.")
    state: State
    model: str
    version: int
    reasons: tuple[str, ...] = Field(description="What is not as it should be; empty if all is well.")


def create_router(versions: ModelVersions, metrics: Metrics) -> APIRouter:
    """`/livez`, `/readyz`, `/startupz` and `/metrics`."""
    from_connection = problems.of_connection()
    router = APIRouter(tags=["operations"], responses=from_connection)
    answered: dict[int | str, dict[str, Any]] = {200: {"headers": COMMON_HEADERS}}
    probed = {
        **answered,
        503: {
            "model": Health,
            "description": "No; the reasons say why. Or a problem document: too many connections.",
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

    @router.get("/livez", summary="Is it worth keeping?", responses=probed)
    async def livez(response: Response) -> Health:
        """No once the engine hangs or the batcher broke: restart it."""
        return answer(response, ok=versions.status().alive)

    @router.get("/readyz", summary="Should requests be sent here?", responses=probed)
    async def readyz(response: Response) -> Health:
        """Only after the golden answers, and not while draining."""
        return answer(response, ok=versions.status().ready)

    @router.get("/startupz", summary="Has it proven itself?", responses=probed)
    async def startupz(response: Response) -> Health:
        """Yes once the engine was loaded, warmed and proven on the golden answers."""
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
