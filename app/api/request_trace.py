"""A request that is over, told to the traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.api.headers import TRACEPARENT, TRACESTATE, RequestHead
from app.telemetry.request_record import RequestRecord

if TYPE_CHECKING:  # it needs the SDK, which is there where traces are wanted
    from app.telemetry.tracing.traces import Traces

# Asked every few seconds for as long as a server lives: nobody looks for these among the others.
UNTRACED = frozenset(("/livez", "/readyz", "/startupz", "/metrics"))


def trace_request(traces: Traces, record: RequestRecord, head: RequestHead) -> str | None:
    """Note a request; the id of its trace, None if it is one that has none.

    Args:
        traces: take note.
        record: of the request.
        head: of the request.
    """
    if record.path in UNTRACED:
        return None
    decision = traces.sample(
        record.name,
        traceparent=None if head.conflicts(TRACEPARENT) else head.get(TRACEPARENT),
        tracestate=head.joined(TRACESTATE),
    )
    if decision.span is not None:
        traces.record(decision, record)
    return decision.trace_id
