"""Traces of requests that have ended, if the client's `traceparent` or the sampler asks for them.

The event loop samples, draws two random ids and queues the record. The exporter's thread builds the spans:
four spans, made by the SDK's tracer, would take the event loop 70 µs.
"""

from __future__ import annotations

import asyncio
import threading
import time
from time import perf_counter
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    TraceFlags,
    format_trace_id,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.telemetry.request_record import RequestRecord
from app.telemetry.tracing.spans import RequestSpans

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NO_PARENT = Context()


class SamplingDecision(NamedTuple):
    """Whether a request is sampled, and its ids.

    Attributes:
        trace_id: id of the trace, in hexadecimal, also if the request is not sampled.
        span: context of the request's span; None if it is not sampled.
        parent: context of the client's span; None if the client sent none.
    """

    trace_id: str
    span: SpanContext | None
    parent: SpanContext | None


class Traces:
    """Samples requests and queues their spans.

    Args:
        processor: gets a `RequestSpans` for each sampled request; its exporter is a `RequestSpanExporter`.
        sampler: decides which requests are sampled; it sees the client's decision.
        resource: describes this process.
    """

    def __init__(self, processor: SpanProcessor, *, sampler: Sampler, resource: Resource) -> None:
        self._processor = processor
        self._sampler = sampler
        self._resource = resource
        self._ids = RandomIdGenerator()
        self._propagator = TraceContextTextMapPropagator()

    def sample(self, name: str, *, traceparent: str | None, tracestate: str | None) -> SamplingDecision:
        """Decide whether a request is sampled.

        Args:
            name: name of the request's span.
            traceparent: value of that header; an invalid one is ignored.
            tracestate: value of that header; an invalid one is ignored.
        """
        context = _NO_PARENT if traceparent is None else self._context(traceparent, tracestate)
        parent = get_current_span(context).get_span_context()
        remote = parent if parent.is_valid else None
        trace_id = self._ids.generate_trace_id() if remote is None else remote.trace_id
        result = self._sampler.should_sample(context, trace_id, name, SpanKind.SERVER)
        if result.decision is not Decision.RECORD_AND_SAMPLE:
            return SamplingDecision(format_trace_id(trace_id), None, remote)
        span = SpanContext(
            trace_id,
            self._ids.generate_span_id(),
            is_remote=False,
            trace_flags=_SAMPLED,
            trace_state=result.trace_state,
        )
        return SamplingDecision(format_trace_id(trace_id), span, remote)

    def record(self, decision: SamplingDecision, record: RequestRecord) -> None:
        """Queue the spans of a sampled request that has ended."""
        assert decision.span is not None  # noqa: S101 - the caller checks that it is sampled
        now, clock = time.time_ns(), perf_counter()
        self._processor.on_end(
            RequestSpans(record, decision.span, decision.parent, self._resource, now=now, clock=clock)
        )

    async def close(self, *, timeout: float) -> None:
        """Send the queued spans within `timeout` seconds; those not sent by then are lost."""
        await asyncio.to_thread(self._close, timeout)

    def _close(self, timeout: float) -> None:
        # The processor's own timeout is 30 s. Its thread and this one end with the process.
        closing = threading.Thread(target=self._processor.shutdown, name="traces-close", daemon=True)
        closing.start()
        closing.join(timeout)

    def _context(self, traceparent: str, tracestate: str | None) -> Context:
        carrier = {"traceparent": traceparent}
        if tracestate is not None:
            carrier["tracestate"] = tracestate
        return self._propagator.extract(carrier, _NO_PARENT)
