"""Answering `POST /predict`: from the bytes of a request to those of its answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

from fastapi import Response
from starlette.types import Receive, Scope

from app.metrics import Metrics
from app.payloads import Decoders, PredictionEncoder
from app.routes import abstention
from app.routes.answers import AnswerWriter
from app.routes.bodies import read_body
from app.routes.headers import FirstValues
from app.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost."""

    max_instances: int
    max_body_bytes: int
    timeout: float


class Predict:
    """The handler of `POST /predict` of one service; `app/routes/native.py` documents it.

    Args:
        service: computes.
        metrics: is told of every series that is answered.
        limits: of each request.
    """

    def __init__(self, service: Service, metrics: Metrics, limits: Limits) -> None:
        contract = service.contract
        self._service = service
        self._limits = limits
        self._decoders = Decoders(length=contract.input.length, max_instances=limits.max_instances)
        self._write = AnswerWriter(contract, metrics)

    @property
    def to_json(self) -> PredictionEncoder:
        """What writes its JSON."""
        return self._write.to_json

    async def __call__(self, scope: Scope, receive: Receive) -> Response:
        """Answer a request.

        Raises:
            PayloadError: the request is not one that can be answered.
            BatchingError: it gets no answer now.
            EngineError: the engine failed.
        """
        deadline = asyncio.get_running_loop().time() + self._limits.timeout
        abstain = abstention.wants_to_abstain(scope["query_string"], self._service.contract)
        headers = FirstValues(scope)
        decode = self._decoders.for_content_type(headers.get(b"content-type"))
        body = await read_body(headers, receive, max_bytes=self._limits.max_body_bytes, deadline=deadline)
        started = perf_counter()
        series = decode(body)
        parsed = perf_counter() - started
        answer = await self._service.predict(series, deadline=deadline)
        content, media_type = self._write(answer.result, accept=headers.get(b"accept"), abstain=abstain)
        timing = (
            f"parse;dur={parsed * 1e3:.3f}, queue;dur={answer.queued * 1e3:.3f}, "
            f'infer;dur={answer.ran * 1e3:.3f}, batch;desc="{answer.batch_rows} series"'
        )
        return Response(content, media_type=media_type, headers={"Server-Timing": timing})
