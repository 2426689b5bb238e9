"""Routes of explanations: one for each such path of a dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from app.api.dialects import Dialect
from app.api.error_responses import as_response
from app.api.explain import ExplainCall
from app.api.explain_parameters import ExplainLimits
from app.api.predict import Predictor
from app.api.problems import of_connection


def create_router(predictor: Predictor, dialect: Dialect, limits: ExplainLimits) -> APIRouter:
    """The routes of a dialect's explanations.

    Args:
        predictor: shared with all predictions.
        dialect: of the routes.
        limits: of requests for explanations.
    """
    router = APIRouter()
    for path, described in dialect.explain_routes.items():
        own = {**described, "responses": {**of_connection(), **described.get("responses", {})}}
        endpoint = _endpoint(predictor, dialect, limits)
        router.add_api_route(path, endpoint, methods=["POST"], response_class=Response, **own)
    return router


def _endpoint(
    predictor: Predictor, dialect: Dialect, limits: ExplainLimits
) -> Callable[[Request], Awaitable[Response]]:
    async def explain(request: Request) -> Response:
        scope = request.scope
        head = scope["head"]
        head.parameters = request.path_params
        call = scope["call"] = ExplainCall(predictor, dialect, limits)  # for `RequestContext`
        return as_response(await call.answer(head, request.receive))

    return explain
