"""Builds the spans of a request from its record, when the request has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

from app.telemetry.request_record import METHODS, OTHER, RequestRecord, Work

SCOPE = InstrumentationScope("timeseries-server")
_OTHER = "_OTHER"
# Statuses below 500 that count as errors: the request may have been valid, but was refused, expired or
# cancelled. By OpenTelemetry's conventions other 4xx are no errors of a server.
_FAILURES = frozenset((408, 429, 499))
_OK, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class RequestSpans(ReadableSpan):
    """The request's span, as a span processor queues it; `spans` builds the real spans from the record.

    Args:
        record: record of the request, which has ended.
        context: context of the request's span.
        parent: context of the client's span; None if the client sent none.
        resource: describes this process.
        now: end of the request, in nanoseconds since 1970.
        clock: the same moment on `perf_counter`. All times of a request are computed from this one pair, so
            they stay in order if the system clock is changed meanwhile.
    """

    def __init__(
        self,
        record: RequestRecord,
        context: SpanContext,
        parent: SpanContext | None,
        resource: Resource,
        *,
        now: int,
        clock: float,
    ) -> None:
        super().__init__("", context, parent, resource, kind=SpanKind.SERVER, instrumentation_scope=SCOPE)
        self._record = record
        self._now = now
        self._clock = clock

    def spans(self, ids: RandomIdGenerator) -> Iterator[ReadableSpan]:
        """Yield the request's span, then its child spans."""
        record = self._record
        yield ReadableSpan(
            record.name,
            self.context,
            self.parent,
            self.resource,
            _attributes(record),
            kind=SpanKind.SERVER,
            status=_ERROR if _has_failed(record) else _OK,
            start_time=self._time(record.arrived),
            end_time=self._now,
            instrumentation_scope=SCOPE,
        )
        for name, start, end in () if record.work is None else _steps(record.work, self._clock):
            yield ReadableSpan(
                name,
                SpanContext(
                    self.context.trace_id, ids.generate_span_id(), False, trace_flags=self.context.trace_flags
                ),
                self.context,
                self.resource,
                start_time=self._time(start),
                end_time=self._time(end),
                instrumentation_scope=SCOPE,
            )

    def _time(self, moment: float) -> int:
        return self._now - round((self._clock - moment) * 1e9)


class RequestSpanExporter(SpanExporter):
    """Builds the spans of each `RequestSpans` and passes them to another exporter.

    Args:
        exporter: gets the spans.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._ids = RandomIdGenerator()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the request spans and their child spans."""
        return self._exporter.export(
            [part for span in spans if isinstance(span, RequestSpans) for part in span.spans(self._ids)]
        )

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()


def _has_failed(record: RequestRecord) -> bool:
    """Whether the span is an error: the server failed, not the client."""
    return record.status >= 500 or record.status in _FAILURES


def _attributes(record: RequestRecord) -> dict[str, str | int]:
    attributes = _of_http(record) if record.code is None else _of_call(record, record.code)
    attributes["timeseries.request_id"] = record.request_id
    attributes["timeseries.protocol"] = record.protocol
    if record.fault is not None or record.status >= 400:
        attributes["error.type"] = record.fault or str(record.status)
    if work := record.work:
        attributes["timeseries.model"] = work.model
        attributes["timeseries.version"] = work.version
        attributes["timeseries.rows"] = work.rows
        if work.queued is not None:
            attributes["timeseries.batch_rows"] = work.batch_rows
    return attributes


def _of_http(record: RequestRecord) -> dict[str, str | int]:
    """The attributes of OpenTelemetry's conventions for HTTP."""
    known = record.method in METHODS
    attributes: dict[str, str | int] = {
        "http.request.method": record.method if known else _OTHER,
        "url.path": record.path,
        "url.scheme": record.scheme,
        "http.response.status_code": record.status,
    }
    if record.route != OTHER:
        attributes["http.route"] = record.route
    return attributes


def _of_call(record: RequestRecord, code: str) -> dict[str, str | int]:
    """The attributes of OpenTelemetry's conventions for gRPC."""
    return {"rpc.system.name": "grpc", "rpc.method": record.route, "rpc.response.status_code": code}


def _steps(work: Work, end: float) -> Iterator[tuple[str, float, float]]:
    """Yield name, start and end (in seconds) of each step of a request."""
    yield "parse", work.admitted - work.parsed, work.admitted
    if work.queued is None:
        # A request without a prediction has no times of its batch.
        yield "wait", work.admitted, end
        return
    began = work.admitted + work.queued
    yield "queue", work.admitted, began
    yield "engine", began, began + work.ran
