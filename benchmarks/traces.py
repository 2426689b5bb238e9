"""What traces cost: processor time a request, of the event loop and of all threads, with and without them.

Spans are made, encoded and thrown away, as they would be sent: no collector shares the processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from app.contract import Artifact
from app.main import create_app
from app.settings import Settings
from app.telemetry.tracing.spans import RequestSpanExporter
from app.telemetry.tracing.traces import Traces
from benchmarks.bodies import json_body
from benchmarks.played import REQUESTS, processor_seconds
from benchmarks.timing import spread
from qa.harness.messages import post

CONNECTIONS = (1, 32)
SAMPLED = (0.0, 0.01, 1.0)
# Of a request that was answered: its own, and those of its three steps.
_SPANS = 4


def table(artifact: Artifact, *, repeats: int) -> str:
    """Microseconds a request of one JSON series."""
    lines = [
        "### Traces: processor time a request of one JSON series, µs; the kernel's is not in it",
        "",
        "| connections | traces | event loop | all threads | lost |",
        "|---|---|---|---|---|",
    ]
    for connections in CONNECTIONS:
        play = partial(
            processor_seconds, request=_request(artifact), connections=connections, repeats=repeats
        )
        for sampled in (None, *SAMPLED):
            cells, lost = [], 0.0
            for clock in (time.thread_time, time.process_time):
                seconds, lost = _measure(artifact, partial(play, clock=clock), sampled, repeats)
                cells.append(spread([1e6 * value for value in seconds], ",.0f"))
            shown = "off" if sampled is None else f"{sampled:.0%} sampled"
            dropped = "" if not sampled else f"{max(lost, 0):.1%}"
            lines.append(f"| {connections} | {shown} | {' | '.join(cells)} | {dropped} |")
    return "\n".join(lines)


def _measure(
    artifact: Artifact, play: Callable[..., list[float]], sampled: float | None, repeats: int
) -> tuple[list[float], float]:
    """Seconds a request, and the part of the spans that had no room in the queue."""
    settings = Settings(artifact=artifact.folder, engine="openvino", log_level="error")
    if sampled is None:
        return play(create_app(settings)), 0.0
    encoding = _Encoding()
    traces = Traces(
        BatchSpanProcessor(RequestSpanExporter(encoding)),
        sampler=ParentBasedTraceIdRatio(sampled),
        resource=Resource.create({}),
    )
    seconds = play(create_app(settings, traces=traces))
    expected = _SPANS * REQUESTS * (repeats + 1)  # with the warm-up
    return seconds, 1 - encoding.spans / expected if sampled == 1 else 0.0


class _Encoding(SpanExporter):
    """Does all that an exporter does, but for the sending."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        encode_spans(spans).SerializeToString()
        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is open."""


def _request(artifact: Artifact) -> bytes:
    body = json_body(np.resize(artifact.golden.series, (1, artifact.contract.input.length)))
    return post(body, [("Content-Type", "application/json")])
