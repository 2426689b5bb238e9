"""A request that is over becomes a trace, if its caller or the sampler wants one; sending it is for later.

The event loop decides, draws two numbers and queues the record. The spans are made of that on the
exporter's thread: four of them, made the SDK's own way, would hold up the loop for 70 µs.
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
from app.telemetry.tracing.spans import Finished

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NO_PARENT = Context()


class Decided(NamedTuple):
    """What becomes of a request.

    Attributes:
        trace_id: of its trace, in hexadecimal; also one that is not sampled has it.
        span: its own; None if it is not sampled.
        parent: its caller's span; None if that named none.
    """

    trace_id: str
    span: SpanContext | None
    parent: SpanContext | None


class Traces:
    """Takes what requests tell.

    Args:
        processor: gets a `Finished` for each request that is sampled; behind it is an `Unfolding` exporter.
        sampler: decides, with the caller's decision before it.
        resource: this process.
    """

    def __init__(self, processor: SpanProcessor, *, sampler: Sampler, resource: Resource) -> None:
        self._processor = processor
        self._sampler = sampler
        self._resource = resource
        self._ids = RandomIdGenerator()
        self._propagator = TraceContextTextMapPropagator()

    def decide(self, name: str, *, traceparent: str | None, tracestate: str | None) -> Decided:
        """Whether a request becomes a trace.

        Args:
            name: of its span.
            traceparent: the value of its header. One that is broken counts as none.
            tracestate: likewise.
        """
        context = _NO_PARENT if traceparent is None else self._context(traceparent, tracestate)
        parent = get_current_span(context).get_span_context()
        remote = parent if parent.is_valid else None
        trace_id = self._ids.generate_trace_id() if remote is None else remote.trace_id
        result = self._sampler.should_sample(context, trace_id, name, SpanKind.SERVER)
        if result.decision is not Decision.RECORD_AND_SAMPLE:
            return Decided(format_trace_id(trace_id), None, remote)
        span = SpanContext(
            trace_id,
            self._ids.generate_span_id(),
            is_remote=False,
            trace_flags=_SAMPLED,
            trace_state=result.trace_state,
        )
        return Decided(format_trace_id(trace_id), span, remote)

    def record(self, decided: Decided, record: RequestRecord) -> None:
        """Take note of a request that is over, and is sampled."""
        assert decided.span is not None  # noqa: S101 - whoever calls this has looked
        now, clock = time.time_ns(), perf_counter()
        self._processor.on_end(
            Finished(record, decided.span, decided.parent, self._resource, now=now, clock=clock)
        )

    async def close(self, *, timeout: float) -> None:
        """Send what is queued, within `timeout` seconds; what is not sent by then is lost."""
        await asyncio.to_thread(self._close, timeout)

    def _close(self, timeout: float) -> None:
        # The processor's own limit is half a minute. Its thread and this one end with the process.
        closing = threading.Thread(target=self._processor.shutdown, name="traces-close", daemon=True)
        closing.start()
        closing.join(timeout)

    def _context(self, traceparent: str, tracestate: str | None) -> Context:
        carrier = {"traceparent": traceparent}
        if tracestate is not None:
            carrier["tracestate"] = tracestate
        return self._propagator.extract(carrier, _NO_PARENT)
