"""The spans of a request, made of what was told when it was over."""

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
# Errors below 500: the request was refused, expired or given up, and may have been right. By the conventions
# others below 500 are none: that it was wrong is no trouble of the server.
_FAILURES = frozenset((408, 429, 499))
_OK, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Finished(ReadableSpan):
    """A request's spans, folded: what queues and processors need of a span, and what to make the spans of.

    Args:
        record: of the request, which is over.
        context: of the request's span.
        parent: of the caller's span; None if it named none.
        resource: this process.
        now: the end of the request, in nanoseconds since 1970.
        clock: the same moment on `perf_counter`. One pair for all times of a request keeps them in order,
            whatever is done to the machine's clock meanwhile.
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

    def unfold(self, ids: RandomIdGenerator) -> Iterator[ReadableSpan]:
        """The request's span, and those below it."""
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


class Unfolding(SpanExporter):
    """Hands the spans of each `Finished` to an exporter.

    Args:
        exporter: gets them.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._ids = RandomIdGenerator()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send what these are made of."""
        return self._exporter.export(
            [part for span in spans if isinstance(span, Finished) for part in span.unfold(self._ids)]
        )

    def shutdown(self) -> None:
        """Send nothing more."""
        self._exporter.shutdown()


def _has_failed(record: RequestRecord) -> bool:
    """Whether it is an error of ours that it got no good answer, and not the caller's."""
    return record.status >= 500 or record.status in _FAILURES


def _attributes(record: RequestRecord) -> dict[str, str | int]:
    known = record.method in METHODS
    attributes: dict[str, str | int] = {
        "http.request.method": record.method if known else _OTHER,
        "url.path": record.path,
        "url.scheme": record.scheme,
        "http.response.status_code": record.status,
        "timeseries.request_id": record.request_id,
        "timeseries.protocol": record.protocol,
    }
    if record.route != OTHER:
        attributes["http.route"] = record.route
    if record.fault is not None or record.status >= 400:
        attributes["error.type"] = record.fault or str(record.status)
    if work := record.work:
        attributes["timeseries.model"] = work.model
        attributes["timeseries.version"] = work.version
        attributes["timeseries.rows"] = work.rows
        if work.queued is not None:
            attributes["timeseries.batch_rows"] = work.batch_rows
    return attributes


def _steps(work: Work, end: float) -> Iterator[tuple[str, float, float]]:
    """Name, start and end of each thing that a request spent its time on."""
    yield "parse", work.admitted - work.parsed, work.admitted
    if work.queued is None:
        # What part of it was the engine's nobody knows: whoever gets no answer gets no times either.
        yield "wait", work.admitted, end
        return
    began = work.admitted + work.queued
    yield "queue", work.admitted, began
    yield "engine", began, began + work.ran
