"""Traces that stay in this process, for a test to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler

from app.telemetry.request_record import RequestRecord
from app.telemetry.tracing.spans import RequestSpanExporter
from app.telemetry.tracing.traces import Traces


@dataclass
class Kept:
    """Traces, and what came of them."""

    traces: Traces
    exporter: InMemorySpanExporter

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """All spans, each request's before those below it."""
        return self.exporter.get_finished_spans()

    @property
    def requests(self) -> list[ReadableSpan]:
        """The spans of requests alone."""
        return [span for span in self.spans if span.kind.name == "SERVER"]

    def note(
        self, record: RequestRecord, *, traceparent: str | None = None, tracestate: str | None = None
    ) -> str:
        """Trace a request; the id of its trace."""
        decision = self.traces.sample(record.name, traceparent=traceparent, tracestate=tracestate)
        if decision.span is not None:
            self.traces.record(decision, record)
        return decision.trace_id


def keep(sampler: Sampler = DEFAULT_ON) -> Kept:
    """Traces of which every span is kept; by default of all but those that callers leave out."""
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(RequestSpanExporter(exporter))
    return Kept(Traces(processor, sampler=sampler, resource=Resource({"service.name": "x"})), exporter)


def attributes_of(span: ReadableSpan) -> Mapping[str, object]:
    """What is known of a span."""
    assert span.attributes is not None
    return span.attributes


def times_of(span: ReadableSpan) -> tuple[int, int]:
    """Start and end."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time
