"""Prediction routes on the framework's path: one for each path of a dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from starlette.types import Receive

from app.api.dialects import Dialect
from app.api.error_responses import as_response
from app.api.predict import PredictCall, Predictor
from app.api.problems import of_connection
from app.api.request_body import read_body, until_disconnect
from app.inference.batching import BatchResult
from app.inference.predictions import BatchSlice


def create_router(predictor: Predictor, dialect: Dialect) -> APIRouter:
    """The routes of a dialect's predictions."""
    router = APIRouter()
    for path, described in dialect.routes.items():
        own = {**described, "responses": {**of_connection(), **described.get("responses", {})}}
        router.add_api_route(
            path, _endpoint(predictor, dialect), methods=["POST"], response_class=Response, **own
        )
    return router


def _endpoint(predictor: Predictor, dialect: Dialect) -> Callable[[Request], Awaitable[Response]]:
    async def predict(request: Request) -> Response:
        scope = request.scope
        head = scope["head"]
        head.parameters = request.path_params
        call = scope["call"] = PredictCall(predictor, dialect)  # for `RequestContext`, which removes it
        if refusal := call.refusal():
            raise refusal.with_traceback(None)  # the error object is shared
        call.read_head(head, now=asyncio.get_running_loop().time())
        body = await read_body(
            head, request.receive, max_bytes=predictor.limits.max_body_bytes, deadline=call.deadline
        )
        future = call.submit(body)
        if call.options is not None and call.options.neighbours is not None:
            future = asyncio.ensure_future(call.add_neighbours(future))
        answer = await _answer_of(call, future, request.receive)
        return as_response(call.encode(answer))

    return predict


async def _answer_of(
    call: PredictCall, future: asyncio.Future[BatchResult[BatchSlice]], receive: Receive
) -> BatchResult[BatchSlice]:
    """Wait for the prediction until the client disconnects."""
    try:
        return await until_disconnect(future, receive)
    finally:
        call.cancel()
        del call, future  # its error's traceback holds this frame: garbage that outlives the request
