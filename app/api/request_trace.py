"""Traces of finished requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.api.headers import TRACEPARENT, TRACESTATE, RequestHead
from app.telemetry.request_record import RequestRecord

if TYPE_CHECKING:  # it needs the SDK, which is there where traces are wanted
    from app.telemetry.tracing.traces import Traces

# Polled every few seconds: their traces would hide all others.
UNTRACED = frozenset(
    (
        *("/livez", "/readyz", "/startupz", "/metrics", "/drift", "/v2/health/live", "/v2/health/ready"),
        *("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"),
        *(f"/inference.GRPCInferenceService/{name}" for name in ("ServerLive", "ServerReady", "ModelReady")),
    )
)


def trace_request(traces: Traces, record: RequestRecord, head: RequestHead) -> str | None:
    """Record a request; the id of its trace, or None for probes and metrics.

    Args:
        traces: record it.
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
