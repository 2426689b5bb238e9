"""`app.telemetry.tracing.spans`: the spans that are built from a request record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags

from app.telemetry.request_record import OTHER, RequestRecord, Work
from app.telemetry.tracing.spans import RequestSpans
from tests.app.telemetry.tracing.kept import attributes_of, times_of

ANSWERED = Work("forda", 2, 3, parsed=0.25, admitted=10.5, queued=0.5, ran=1.0, batch_rows=7)
ASKED = RequestRecord("id", 10.0, "POST", "/predict", route="/predict", status=200, work=ANSWERED)
END, CLOCK = 1_000_000_000_000, 13.0


def spans_of(record: RequestRecord) -> list[ReadableSpan]:
    """The spans of a request that ended at 13 s on `perf_counter`, 1,000 s after 1970."""
    context = SpanContext(1, 2, False, TraceFlags(TraceFlags.SAMPLED))
    spans = RequestSpans(record, context, None, Resource({}), now=END, clock=CLOCK)
    return list(spans.spans(RandomIdGenerator()))


def seconds_before_end(span: ReadableSpan) -> tuple[float, float]:
    """When a span starts and ends, from the end of its request."""
    start, end = times_of(span)
    return (start - END) / 1e9, (end - END) / 1e9


def test_a_request_has_what_it_spent_its_time_on_below_it() -> None:
    """Reading, waiting and computing start and end when they did, as children of the request's span."""
    request, *steps = spans_of(ASKED)
    assert (request.name, request.kind, seconds_before_end(request)) == (
        "POST /predict",
        SpanKind.SERVER,
        (-3.0, 0.0),
    )
    assert [(step.name, *seconds_before_end(step)) for step in steps] == [
        ("parse", -2.75, -2.5),
        ("queue", -2.5, -2.0),
        ("engine", -2.0, -1.0),
    ]
    assert all(step.parent == request.context for step in steps)
    assert len({span.context.span_id for span in (request, *steps)}) == 4


def test_a_request_that_got_no_answer_has_one_wait() -> None:
    """How long it was in the queue is then not known, and not made up."""
    expired = replace(ASKED, status=504, fault="deadline", work=ANSWERED._replace(queued=None))
    request, *steps = spans_of(expired)
    assert [(step.name, *seconds_before_end(step)) for step in steps] == [
        ("parse", -2.75, -2.5),
        ("wait", -2.5, 0.0),
    ]
    assert "timeseries.batch_rows" not in attributes_of(request)


def test_attributes_follow_the_conventions() -> None:
    """Those of HTTP have the names that every tool knows; the model's have this service's."""
    assert dict(attributes_of(spans_of(ASKED)[0])) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "url.path": "/predict",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "timeseries.request_id": "id",
        "timeseries.protocol": "native",
        "timeseries.model": "forda",
        "timeseries.version": 2,
        "timeseries.rows": 3,
        "timeseries.batch_rows": 7,
    }


@pytest.mark.parametrize(
    ("status", "failed"), [(500, True), (503, True), (429, True), (408, True), (499, True), (422, False)]
)
def test_a_fault_is_named_and_only_ours_is_an_error(status: int, failed: bool) -> None:
    """A caller's mistake is no trouble of the server, and does not show up as some."""
    [request] = spans_of(replace(ASKED, status=status, fault="some-fault", work=None))
    assert attributes_of(request)["error.type"] == "some-fault"
    assert request.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)


@pytest.mark.parametrize(
    ("method", "route", "name", "known_as"),
    [
        ("GET", "/model", "GET /model", "GET"),
        ("GET", None, "GET", "GET"),
        ("BREW", None, "HTTP", "_OTHER"),
        ("get", "/model", "HTTP /model", "_OTHER"),
    ],
)
def test_clients_cannot_make_up_names(method: str, route: str | None, name: str, known_as: str) -> None:
    """There are as many as routes and methods, whatever is asked for."""
    record = replace(ASKED, method=method, route=route or OTHER, path="/made/up", work=None)
    [request] = spans_of(record)
    assert request.name == record.name == name
    assert attributes_of(request)["http.request.method"] == known_as
