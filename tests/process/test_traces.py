"""Traces of real server processes, as a collector at the other end of a real socket gets them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from qa.harness.server import ServerProcess, free_port, running_server
from tests.conftest import ROOT
from tests.support import plain_http

A_REQUEST = json.loads((ROOT / "docs" / "example.json").read_text())
PARENT = "b7ad6b7169203331"


class Sent(NamedTuple):
    """A span, and what is said of the process that it comes from."""

    span: Span
    process: dict[str, str]


class Collector:
    """Takes traces by OTLP over HTTP, and keeps them.

    Attributes:
        sent: every span so far.
        url: where to send them.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        """Keep the spans of a message."""
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = {pair.key: pair.value.string_value for pair in part.resource.attributes}
            self.sent += [Sent(span, process) for scope in part.scope_spans for span in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                collector.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector
    finally:
        collector.server.shutdown()
        collector.server.server_close()
        thread.join()


def asking(server: ServerProcess) -> httpx.Client:
    """A client that gets each answer over a connection of its own."""
    return plain_http.client(
        base_url=server.url, timeout=60, limits=httpx.Limits(max_keepalive_connections=0)
    )


def ask(client: httpx.Client, *, trace: int | None = None) -> None:
    """Get an answer."""
    headers = {} if trace is None else {"traceparent": f"00-{trace:032x}-{PARENT}-01"}
    client.post("/predict", json=A_REQUEST, headers=headers).raise_for_status()


def test_every_worker_sends_sampled_traces() -> None:
    """By the standard's variables, and at the latest when it ends; nothing is lost on the way."""
    with (
        collecting() as collector,
        running_server(
            TRACES="true",
            WORKERS="2",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_SERVICE_NAME="under-test",
            OTEL_TRACES_SAMPLER="parentbased_always_off",
            OTEL_BSP_SCHEDULE_DELAY="60000",  # so that it is the end that sends them
        ) as server,
    ):
        server.wait_for_metric("timeseries_ready_workers", 2)
        with asking(server) as client:
            for trace in range(1, 21):
                ask(client, trace=trace)
                ask(client)
        assert server.stop() == 0
        assert "opentelemetry" not in server.log.read_text()
    requests = [sent for sent in collector.sent if sent.span.kind == Span.SPAN_KIND_SERVER]
    assert sorted(int.from_bytes(request.span.trace_id) for request in requests) == list(range(1, 21))
    for span, process in requests:
        assert (span.name, span.parent_span_id.hex()) == ("POST /predict", PARENT)
        assert span.status.code == Status.STATUS_CODE_UNSET
        assert process["service.name"] == "under-test"
        steps = [sent.span for sent in collector.sent if sent.span.parent_span_id == span.span_id]
        assert [step.name for step in steps] == ["parse", "queue", "engine"]
        bounds = [(step.start_time_unix_nano, step.end_time_unix_nano) for step in steps]
        times = [
            span.start_time_unix_nano,
            *(time for pair in bounds for time in pair),
            span.end_time_unix_nano,
        ]
        assert times == sorted(times)


def test_a_missing_collector_affects_no_request() -> None:
    """Every request gets its answer, the server ends as it should, and the log is not full of it."""
    with running_server(
        TRACES="true",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_BSP_SCHEDULE_DELAY="1",
        OTEL_BSP_MAX_QUEUE_SIZE="4",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1",
        OTEL_EXPORTER_OTLP_TIMEOUT="0.05",  # each batch fails soon, and would be complained of
    ) as server:
        with asking(server) as client:
            for _ in range(100):
                ask(client)
        assert server.stop() == 0
        entries = [json.loads(line) for line in server.log.read_text().splitlines()]
    complaints = [entry for entry in entries if entry["logger"].startswith("opentelemetry")]
    assert 1 <= len(complaints) < 10, complaints
