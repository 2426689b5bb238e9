"""A request that is over, told to the traces: what both ways to an answer leave behind of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.types import Scope

from app.api.headers import TRACEPARENT, TRACESTATE, FirstValues
from app.api.predict import Asked
from app.telemetry.metrics import OTHER
from app.telemetry.tracing import Told, Work, name_of

if TYPE_CHECKING:  # it needs the SDK, which is there where traces are wanted
    from app.telemetry.tracing.traces import Traces

# Asked every few seconds for as long as a server lives: nobody looks for these among the others.
UNTRACED = frozenset(("/livez", "/readyz", "/startupz", "/metrics"))
# Errors below 500: the request was refused, expired or given up, and may have been right. By the conventions
# others below 500 are none: that it was wrong is no trouble of the server.
_FAILURES = frozenset((408, 429, 499))


def record(
    traces: Traces,
    scope: Scope,
    asked: Asked | None,
    *,
    method: str,
    route: str,
    status: int,
    arrived: float,
) -> str | None:
    """Note a request; the id of its trace, None if it is one that has none.

    Args:
        traces: take note.
        scope: of the request.
        asked: what of it waited for the engine, if it came so far.
        method: of the request.
        route: as it is counted.
        status: likewise.
        arrived: on `perf_counter`.
    """
    path = scope.get("path", route)  # what goes past the framework has only the one
    if path in UNTRACED:
        return None
    known = None if route == OTHER else route
    headers = FirstValues(scope)
    decided = traces.decide(
        name_of(method, known),
        traceparent=None if headers.conflicts(TRACEPARENT) else headers.get(TRACEPARENT),
        tracestate=headers.joined(TRACESTATE),
    )
    if decided.span is not None:
        told = Told(
            method=method,
            path=path,
            scheme=scope.get("scheme", "http"),
            route=known,
            request_id=scope["request_id"],
            arrived=arrived,
            status=status,
            fault=scope.get("fault") or (str(status) if status >= 400 else None),
            failed=status >= 500 or status in _FAILURES,
            work=None if asked is None else _work(asked),
        )
        traces.record(decided, told)
    return decided.trace_id


def _work(asked: Asked) -> Work:
    contract, entry = asked.voice.service.contract, asked.entry
    work = Work(contract.name, contract.version, entry.rows, asked.parsed, entry.admitted)
    caller = entry.caller
    if not caller.done() or caller.cancelled() or caller.exception() is not None:
        return work
    answer = caller.result()
    return work._replace(queued=answer.queued, ran=answer.ran, batch_rows=answer.batch_rows)
