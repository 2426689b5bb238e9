"""The cost of traces: CPU time for each request, of the event loop and of all threads, with and without them.

Spans are built, encoded and discarded: no collector shares the CPU.
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
from benchmarks.played import REQUESTS, cpu_seconds
from benchmarks.timing import spread
from qa.harness.messages import post

CONNECTIONS = (1, 32)
SAMPLED = (0.0, 0.01, 1.0)
# Of a request with a prediction: its own, and those of its three steps.
_SPANS = 4


def table(artifact: Artifact, *, repeats: int) -> str:
    """Microseconds of CPU time for each request of one JSON series."""
    lines = [
        "### Traces: µs of CPU time for each request of one JSON series, without the kernel's",
        "",
        "| connections | traces | event loop | all threads | lost |",
        "|---|---|---|---|---|",
    ]
    for connections in CONNECTIONS:
        play = partial(cpu_seconds, request=_request(artifact), connections=connections, repeats=repeats)
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
    """Seconds for each request, and the share of the spans that did not fit into the queue."""
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
    """Does what an exporter does, except sending."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode and discard."""
        encode_spans(spans).SerializeToString()
        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: nothing is open."""


def _request(artifact: Artifact) -> bytes:
    body = json_body(np.resize(artifact.golden.series, (1, artifact.contract.input.length)))
    return post(body, [("Content-Type", "application/json")])
