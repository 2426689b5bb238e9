"""The steps of a request for explanations, in one order for all protocols.

Options, body and version are read as for a prediction; `app/api/routes/explain.py` has the routes.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import perf_counter

from starlette.types import Receive

from app.api.dialects import Dialect, Encoded, PredictOptions
from app.api.explain_parameters import MAX_SERIES, ExplainLimits, ExplainQuery, read_query
from app.api.headers import CONTENT_LENGTH, SERVER_TIMING, RequestHead
from app.api.payloads.wording import too_many_series
from app.api.predict import Predictor
from app.api.request_body import check_length, read_body, until_disconnect
from app.errors import ContractViolation
from app.telemetry.request_record import Work


class ExplainCall:
    """One request for explanations.

    Args:
        predictor: shared with all predictions.
        dialect: of the request.
        limits: of such requests.
    """

    def __init__(self, predictor: Predictor, dialect: Dialect, limits: ExplainLimits) -> None:
        self._predictor, self._dialect, self._limits = predictor, dialect, limits
        self._work: Work | None = None

    def work(self) -> Work | None:
        """The work done for the request, for its record; None if it was not admitted."""
        return self._work

    async def answer(self, head: RequestHead, receive: Receive) -> Encoded:
        """Read a request, wait for its explanations, and encode them.

        Args:
            head: of the request.
            receive: the ASGI `receive`.

        Raises:
            PayloadError: the request is invalid, or the version has no explanations.
            BatchingError: the explanations were not admitted or not ready in time.
            EngineError: the engine failed.
        """
        started = asyncio.get_running_loop().time()
        options, query = self._read_head(head)
        deadline = started + options.timeout
        most = self._predictor.limits.max_body_bytes
        body = await read_body(head, receive, max_bytes=most, deadline=deadline)
        return await self._explain(body, options, query, receive, deadline=deadline)

    def _read_head(self, head: RequestHead) -> tuple[PredictOptions, ExplainQuery]:
        limits, length = self._predictor.limits, head.get(CONTENT_LENGTH)
        try:
            options = self._dialect.options(head, replace(limits, timeout=self._limits.timeout))
            query = read_query(head.query)
        except ContractViolation:
            check_length(length, limits.max_body_bytes)  # 413 comes before 422
            raise
        return options, query

    async def _explain(
        self, body: bytes, options: PredictOptions, query: ExplainQuery, receive: Receive, *, deadline: float
    ) -> Encoded:
        predictor = self._predictor
        service = predictor.versions.pick(options.version, model=options.model)
        contract = service.contract
        wanted = query.options(contract)
        started = perf_counter()
        series = predictor.codec(self._dialect, service).decode(body, options).series
        if len(series) > MAX_SERIES:
            raise ContractViolation([("instances", too_many_series(len(series), max_instances=MAX_SERIES))])
        parsed = perf_counter() - started
        work = Work(contract.name, contract.version, len(series), parsed, perf_counter())
        task = asyncio.ensure_future(service.explain(series, wanted, deadline=deadline))
        found = await until_disconnect(task, receive)
        rows = len(series) * (found.variants + 1)
        self._work = work._replace(queued=found.queued, ran=found.ran, batch_rows=rows)
        status, headers, content = self._dialect.encode_explanations(found, contract, options)
        timing = (
            f"parse;dur={parsed * 1e3:.3f}, queue;dur={found.queued * 1e3:.3f}, "
            f'infer;dur={found.ran * 1e3:.3f}, batch;desc="{rows} series"'
        )
        return Encoded(status, (*headers, (SERVER_TIMING, timing.encode())), content)
