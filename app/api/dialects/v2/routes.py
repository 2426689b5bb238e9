"""The protocol's other routes: health, metadata, configuration, statistics, index of the repository."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.dialects.base import ServerState
from app.api.dialects.v2 import openapi
from app.api.dialects.v2.documents import config_document, model_document, statistics_document
from app.api.dialects.v2.json_fields import parse_object, read_value
from app.api.dialects.v2.model import metadata
from app.api.dialects.v2.model.statistics import model_statistics
from app.api.payloads import JSON
from app.api.request_body import read_body
from app.errors import NotOffered

_Endpoint = Callable[[Request], Awaitable[Response]]


def create_router(state: ServerState) -> APIRouter:
    """The routes, with what they read."""
    routes = _Routes(state)
    router = APIRouter(tags=["V2"], default_response_class=Response)
    model, version = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"

    def add(path: str, endpoint: _Endpoint, summary: str, method: str = "GET") -> None:
        described = openapi.described(path, summary)
        router.add_api_route(path, endpoint, methods=[method], name=f"{method} {path}", **described)

    add("/v2", routes.server, "Describe the server")
    add("/v2/health/live", routes.live, "Liveness probe")
    add("/v2/health/ready", routes.ready, "Readiness probe")
    add("/v2/models/stats", routes.statistics, "Statistics of all versions")  # before the model of any name
    for path, of_what in ((model, "a model"), (version, "a version")):
        add(path, routes.model, f"Describe {of_what}")
        add(f"{path}/ready", routes.model_ready, f"Readiness of {of_what}")
        add(f"{path}/config", routes.config, f"Configuration of {of_what}")
        add(f"{path}/stats", routes.statistics, f"Statistics of {of_what}")
    add("/v2/repository/index", routes.index, "List versions", "POST")
    for verb in ("load", "unload"):
        path = f"/v2/repository/models/{{name}}/{verb}"
        router.add_api_route(path, routes.not_offered, methods=["POST"], include_in_schema=False)
    return router


class _Routes:
    def __init__(self, state: ServerState) -> None:
        self._versions, self._metrics, self._limits = state

    async def server(self, _request: Request) -> Response:
        return _json(
            {
                "name": metadata.SERVER_NAME,
                "version": metadata.version_of_server(),
                "extensions": metadata.EXTENSIONS,
            }
        )

    async def live(self, _request: Request) -> Response:
        return _probe("live", ok=self._versions.status().alive)

    async def ready(self, _request: Request) -> Response:
        return _probe("ready", ok=self._versions.status().ready)

    async def model(self, request: Request) -> Response:
        return _json(model_document(metadata.model_metadata(self._versions, *_named(request))))

    async def model_ready(self, request: Request) -> Response:
        name, version = _named(request)
        return _probe("ready", ok=metadata.is_ready(self._versions, name, version), name=name)

    async def config(self, request: Request) -> Response:
        found = metadata.model_metadata(self._versions, *_named(request))
        return _json(config_document(found, max_series=self._limits.max_instances))

    async def statistics(self, request: Request) -> Response:
        found = model_statistics(self._versions, self._metrics, *_named(request))
        return _json({"model_stats": [statistics_document(each) for each in found]})

    async def index(self, request: Request) -> Response:
        limits = self._limits
        body = await read_body(
            request.scope["head"],
            request.receive,
            max_bytes=limits.max_body_bytes,
            deadline=asyncio.get_running_loop().time() + limits.timeout,
        )
        only_ready = bool(body and read_value(parse_object(body, '{"ready": true}'), "ready", bool, ""))
        entries = metadata.repository_index(self._versions, only_ready=only_ready)
        return _json([entry._asdict() for entry in entries])

    async def not_offered(self, _request: Request) -> Response:
        raise NotOffered(metadata.NOT_LOADED_HERE)


def _named(request: Request) -> tuple[str | None, str | None]:
    """The model and the version of a path; None where it names none."""
    return request.path_params.get("name"), request.path_params.get("version")


def _probe(what: str, *, ok: bool, **more: str | None) -> Response:
    return _json({**more, what: ok}, status=200 if ok else 503)


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(json.dumps(value, separators=(",", ":")), status, media_type=JSON)
