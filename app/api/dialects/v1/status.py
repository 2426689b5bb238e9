"""The list of models, status and readiness, metadata, and liveness.

One answer is TensorFlow Serving's status and KServe's readiness: the clients of each read their own keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from app.api.dialects.v1.addresses import MODELS, TARGETS, version_of
from app.api.dialects.v1.signature import metadata
from app.api.headers import RequestHead, accepts_html
from app.inference.service import Service
from app.inference.status import State, Status
from app.inference.versions import ModelVersions

LIVENESS = "/"
_VARY = {"Vary": "Accept"}  # browsers get the page from the same address
_STATES = {
    State.STARTING: "LOADING",
    State.READY: "AVAILABLE",
    State.DRAINING: "UNLOADING",
    State.CLOSED: "END",
    State.FAILED: "END",
}


def create_router(versions: ModelVersions) -> APIRouter:
    """The routes; `openapi.py` describes them."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route(MODELS, _list(versions))
    for target in TARGETS:
        router.add_api_route(target, _status(versions))
        router.add_api_route(f"{target}/metadata", _metadata(versions))
    alive = APIRouter(include_in_schema=False, route_class=_LivenessRoute)
    alive.add_api_route(LIVENESS, _liveness(versions))
    router.include_router(alive)
    return router


def is_liveness_probe(method: str, path: str, head: RequestHead) -> bool:
    """Whether a request is a probe of liveness, and not a browser's request for the page."""
    return method == "GET" and path == LIVENESS and not accepts_html(head)


class _LivenessRoute(APIRoute):
    """A route that leaves browsers to the next route of its path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """None for requests that accept HTML."""
        if scope["type"] != "http" or not is_liveness_probe(scope["method"], scope["path"], scope["head"]):
            return Match.NONE, {}
        return super().matches(scope)


def _list(versions: ModelVersions) -> Callable[[], Awaitable[JSONResponse]]:
    async def models() -> JSONResponse:
        return JSONResponse({"models": [versions.current.contract.name]})

    return models


def _liveness(versions: ModelVersions) -> Callable[[], Awaitable[JSONResponse]]:
    async def liveness() -> JSONResponse:
        status = versions.status()
        if status.alive:
            return JSONResponse({"status": "alive"}, headers=_VARY)
        return JSONResponse({"status": "failed", "error": "; ".join(status.reasons)}, 503, headers=_VARY)

    return liveness


def _status(versions: ModelVersions) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def status(request: Request) -> JSONResponse:
        service = _service(versions, request.path_params)
        found = service.status()
        # Without a version: all of them. KServe's readiness is that of the version which serves.
        numbers = versions.loaded if request.path_params.keys() == {"name"} else ()
        services = [versions.pick(number) for number in numbers] or [service]
        document = {
            "name": service.contract.name,
            "ready": found.ready,
            "model_version_status": [_version_status(each) for each in services],
        }
        if found.ready:
            return JSONResponse(document)
        return JSONResponse({**document, "error": "; ".join(found.reasons)}, 503)

    return status


def _metadata(versions: ModelVersions) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def of_version(request: Request) -> JSONResponse:
        return JSONResponse(metadata(_service(versions, request.path_params).contract))

    return of_version


def _version_status(service: Service) -> dict[str, Any]:
    """TensorFlow Serving's status of a version."""
    status: Status = service.status()
    return {
        "version": str(service.contract.version),
        "state": _STATES[status.state],
        "status": {
            "error_code": "OK" if status.ready else "UNAVAILABLE",
            "error_message": "; ".join(status.reasons),
        },
    }


def _service(versions: ModelVersions, parameters: Mapping[str, str]) -> Service:
    """The version that a path names.

    Raises:
        UnknownModel: there is none.
        HTTPException: the path is a method's, which takes POST alone.
    """
    if any(":" in value for value in parameters.values()):
        raise HTTPException(405, headers={"Allow": "POST"})
    return versions.pick(version_of(parameters), model=parameters["name"])
