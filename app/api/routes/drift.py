"""`GET /drift`: how the series that are served compare with the training data; `POST /drift/reset`."""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import APIRouter, Request, Response

from app.api.headers import COMMON_HEADERS
from app.api.problems import of_connection, responses
from app.errors import Forbidden, NotSealed
from app.inference.versions import ModelVersions
from app.telemetry.drift.monitor import DriftMonitor
from app.telemetry.drift.report import DriftReport, report_of

DRIFT = "/drift"
RESET = "/drift/reset"


def create_router(versions: ModelVersions, *, has_keys: bool) -> APIRouter:
    """The routes of drift.

    Args:
        versions: of the model.
        has_keys: whether requests need an API key. If not, only this machine may reset.
    """
    router = APIRouter(tags=["operations"], responses=of_connection())

    @router.get(
        DRIFT,
        summary="Compare the series that were served with the training data",
        responses={200: {"headers": COMMON_HEADERS}, **responses(NotSealed)},
    )
    async def drift(response: Response) -> DriftReport:
        """Labels, confidence, OOD score, warnings and spectrum; since the start and over a sliding window.

        The figures are of all workers of this server. The alarm is of all series since the start.
        """
        response.headers["Cache-Control"] = "no-store"
        return report_of(_monitor(versions))

    @router.post(
        RESET,
        summary="Count drift from now on",
        status_code=204,
        responses={204: {"headers": COMMON_HEADERS}, **responses(NotSealed, Forbidden)},
    )
    async def reset(request: Request) -> None:
        """Forget all series that were counted, and the alarm."""
        if not has_keys and not _is_local(request):
            raise Forbidden(
                f"POST {RESET} from another machine needs an API key, and this server has none: send it from "
                "the server's own machine, or set API_KEYS_FILE"
            )
        _monitor(versions).reset()

    return router


def _monitor(versions: ModelVersions) -> DriftMonitor:
    service = versions.current
    if service.drift is None:
        contract = service.contract
        raise NotSealed(
            f"{contract.name}/{contract.version} was sealed without a reference for drift; train and seal "
            "the model again (python -m training), and serve the new version"
        )
    return service.drift


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
