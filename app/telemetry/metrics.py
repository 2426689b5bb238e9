"""Prometheus metrics: one object that other parts tell what happened. Right under several workers.

With several workers each writes its numbers to files in `PROMETHEUS_MULTIPROC_DIR`, which the command line
sets before they start, and any of them answers `/metrics` for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from app.telemetry.buffered import BufferedCounters, BufferedHistogram, MetricsBuffer, RawHistogram
from app.telemetry.multiprocess_dir import VARIABLE
from app.telemetry.multiprocess_files import live_workers, reserve
from app.telemetry.prediction_metrics import PredictionMetrics
from app.telemetry.request_record import OTHER

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# The reasons that `app.inference.batching.BatchObserver` names.
REFUSALS = ("too_large", "not_ready", "expired", "full", "queue_time", "deadline")
DEPARTURES = ("expired", "cancelled", "closed")
# The protocol of what was no request.
NONE = "none"


class Metrics:
    """Every metric of a process, and the observer of batchers and of versions.

    Attributes:
        predictions: those of the answers.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._buffer = buffer = MetricsBuffer()
        self._requests = self._counter("http_requests", "Requests answered.", ("protocol", "route", "status"))
        self._request_seconds = self._histogram(
            "http_request_seconds",
            "Seconds from a request's arrival to its answer.",
            SECONDS,
            ("protocol", "route"),
        )
        admitted = self._counter("admitted_series", "Series admitted to the queue.")
        refused = self._counter(
            "refused_series", f"Series refused before the queue: {', '.join(REFUSALS)}.", ("reason",)
        )
        left = self._counter(
            "left_series", f"Series that left the queue uncomputed: {', '.join(DEPARTURES)}.", ("reason",)
        )
        queue_seconds = self._histogram("queue_seconds", "Seconds a request waited in the queue.", SECONDS)
        self._queue_seconds = BufferedHistogram(buffer, queue_seconds, SECONDS)
        batch_rows = self._histogram("batch_rows", "Series in a batch.", ROWS)
        self._batch_rows = BufferedHistogram(buffer, batch_rows, ROWS)
        batch_items = self._histogram("batch_requests", "Requests in a batch.", ROWS)
        self._batch_items = BufferedHistogram(buffer, batch_items, ROWS)
        batch_seconds = self._histogram("batch_seconds", "Seconds the engine took for a batch.", SECONDS)
        self._batch_seconds = BufferedHistogram(buffer, batch_seconds, SECONDS)
        self._batch_failures = self._counter("batch_failures", "Batches on which the engine failed.")
        queue_rows = self._gauge("queue_series", "Series that wait for the engine.")
        self._rows = BufferedCounters(buffer, [admitted, queue_rows])
        self._ready = self._gauge("ready_workers", "Workers that are ready for requests.")
        self._is_ready: Callable[[], bool] = lambda: False
        self._model = self._gauge(
            "model_info", "Workers that have this version loaded.", ("model", "version", "engine")
        )
        self._version_refusals = self._counter(
            "version_refusals", "Versions not taken because they failed their checks.", ("version",)
        )
        self._unauthorized = self._counter(
            "unauthorized_requests", "Requests refused because they had no API key that is known."
        )
        self._refused_connections = self._counter(
            "refused_connections", "Connections refused because there were MAX_CONNECTIONS."
        )
        self._refused_bodies = self._counter(
            "refused_bodies", "Request bodies refused because MAX_BODY_BYTES_IN_FLIGHT were held."
        )
        self.predictions = PredictionMetrics(self._registry, buffer)
        # A count of 0 is there to be seen from the start: no rate shows the step from no count to the first.
        self._refused = BufferedCounters(buffer, [refused.labels(reason) for reason in REFUSALS])
        self._left = BufferedCounters(buffer, [left.labels(reason) for reason in DEPARTURES])
        ProcessCollector(registry=self._registry)
        if folder := os.environ.get(VARIABLE):
            reserve(Path(folder))

    def answered(self, *, protocol: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._count_of(protocol, route, status).change()[0] += 1
        self._seconds_of(protocol, route).observe(seconds)

    def answered_unread(self, *, status: int) -> None:
        """What was no request was answered; how long that took tells nothing."""
        self._count_of(NONE, OTHER, status).change()[0] += 1

    @cache  # noqa: B019 - as few as routes and statuses, and a Metrics lives as long as its process
    def _count_of(self, protocol: str, route: str, status: int) -> BufferedCounters:
        return BufferedCounters(self._buffer, [self._requests.labels(protocol, route, status)])

    @cache  # noqa: B019 - as above
    def _seconds_of(self, protocol: str, route: str) -> BufferedHistogram:
        return BufferedHistogram(self._buffer, self._request_seconds.labels(protocol, route), SECONDS)

    def watch(self, is_ready: Callable[[], bool]) -> None:
        """Have the gauge of ready workers follow what `/readyz` says."""
        self._is_ready = is_ready

    def tell_ready(self) -> None:
        """Set that gauge as things stand: whichever worker is asked finds it."""
        self._ready.set(self._is_ready())

    def serving(self, *, model: str, version: int, engine: str) -> None:
        """A version is proven and gets the requests."""
        self._model.labels(model, version, engine).set(1)
        self.tell_ready()

    def retired(self, *, model: str, version: int, engine: str) -> None:
        """A version is not loaded any more."""
        self._model.labels(model, version, engine).set(0)

    def version_refused(self, *, version: str) -> None:
        """A version failed its checks."""
        self._version_refusals.labels(version).inc()

    def unauthorized(self) -> None:
        """A request had no key that is known."""
        self._unauthorized.inc()

    def connection_refused(self) -> None:
        """A connection was one too many."""
        self._refused_connections.inc()

    def body_refused(self) -> None:
        """A body was the newest of those that were too large together."""
        self._refused_bodies.inc()

    def admitted(self, *, rows: int) -> None:
        """Rows entered the queue."""
        self._add_rows(admitted=rows, queued=rows)

    def refused(self, *, rows: int, reason: str) -> None:
        """Rows were not admitted."""
        self._refused.change()[REFUSALS.index(reason)] += rows

    def left(self, *, rows: int, reason: str) -> None:
        """Rows left the queue before they were computed."""
        self._left.change()[DEPARTURES.index(reason)] += rows
        self._add_rows(queued=-rows)

    def queued(self, *, rows: int, seconds: float) -> None:
        """An item left the queue for its batch after this wait."""
        self._queue_seconds.observe(seconds)
        self._add_rows(queued=-rows)

    def ran(self, *, rows: int, items: int, seconds: float, failed: bool) -> None:
        """A batch ended."""
        self._batch_rows.observe(rows)
        self._batch_items.observe(items)
        self._batch_seconds.observe(seconds)
        if failed:
            self._batch_failures.inc()

    def _add_rows(self, *, admitted: int = 0, queued: int) -> None:
        values = self._rows.change()
        values[0] += admitted
        values[1] += queued

    def flush(self) -> None:
        """Have other workers see all that was counted here: nothing is counted any more."""
        self._buffer.flush()

    def render(self) -> bytes:
        """All metrics in the text format, of every worker."""
        self._buffer.flush()
        self.tell_ready()
        folder = os.environ.get(VARIABLE)
        if not folder:
            return generate_latest(self._registry)
        live = live_workers(Path(folder))
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        everyone.register(_Processes(live))
        return generate_latest(everyone)

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"timeseries_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> RawHistogram:
        return RawHistogram(f"timeseries_{name}", text, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"timeseries_{name}", text, labels, registry=self._registry, multiprocess_mode="livesum")


class _Processes(Collector):
    """Memory, processor time and descriptors of several processes, each under its `pid`.

    They are not added up: a sum of counters falls when a worker dies, which reads as a restart of all.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids

    def collect(self) -> Iterable[Metric]:
        """A metric of each name, with a sample of each process; none of those that ended meanwhile."""
        families: dict[str, Metric] = {}
        for pid in self._pids:
            for metric in _of_process(pid):
                family = Metric(metric.name, metric.documentation, metric.type)
                family = families.setdefault(metric.name, family)
                for sample in metric.samples:
                    family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        return families.values()


def _of_process(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
