"""`app.telemetry.tracing.traces`: which requests become traces, and under whose."""

from __future__ import annotations

import asyncio
import threading

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_OFF, DEFAULT_ON, Sampler

from app.telemetry.request_record import RequestRecord
from app.telemetry.tracing.traces import Traces
from tests.app.telemetry.tracing.kept import keep

ASKED = RequestRecord("id", 0.0, "GET", "/model", route="/model", status=200)
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("sampler", [DEFAULT_ON, DEFAULT_OFF])
@pytest.mark.parametrize("flag", ["00", "01"])
def test_the_client_decides_and_its_span_is_the_parent(sampler: Sampler, flag: str) -> None:
    """A trace that began elsewhere goes on here if it is sampled there, whatever is done with our own."""
    kept = keep(sampler)
    trace_id = kept.note(ASKED, traceparent=f"00-{TRACE}-{PARENT}-{flag}", tracestate="a=b")
    assert trace_id == TRACE
    if flag == "00":
        assert kept.spans == ()
        return
    [span] = kept.spans
    assert span.parent is not None
    assert span.parent.is_remote
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert span.context.span_id != span.parent.span_id
    assert span.context.trace_state.to_header() == "a=b"


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01\xff",
    ],
)
def test_a_broken_traceparent_counts_as_none(broken: str) -> None:
    """The request begins a trace of its own."""
    kept = keep()
    trace_id = kept.note(ASKED, traceparent=broken, tracestate="also broken")
    [span] = kept.spans
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" == trace_id != TRACE


def test_traces_that_are_not_sampled_have_an_id() -> None:
    """It stands in the log, where it tells requests of one trace from others."""
    kept = keep(ALWAYS_OFF)
    ids = {kept.note(ASKED) for _ in range(2)}
    assert len(ids) == 2
    assert kept.spans == ()


def test_closing_waits_no_longer_than_it_may() -> None:
    """A collector that does not answer does not hold up the end."""
    ended = threading.Event()

    class Stuck(SpanProcessor):
        def shutdown(self) -> None:
            assert ended.wait(60)

    traces = Traces(Stuck(), sampler=DEFAULT_ON, resource=Resource({}))
    asyncio.run(traces.close(timeout=0.01))  # comes back
    ended.set()
