"""Prometheus metrics: one object that other parts tell what happened. Right under several workers.

With several workers each writes its numbers to files in `PROMETHEUS_MULTIPROC_DIR`, which the command line
sets before they start, and any of them answers `/metrics` for all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app.prediction_metrics import PredictionMetrics

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Every metric of a process, and the batcher's observer (`app.batching.BatchObserver`)."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("http_requests", "Requests answered.", ("route", "status"))
        self._request_seconds = self._histogram(
            "http_request_seconds", "Seconds from a request's arrival to its answer.", SECONDS, ("route",)
        )
        self._admitted = self._counter("admitted_series", "Series admitted to the queue.")
        self._refused = self._counter("refused_series", "Series refused, by reason.", ("reason",))
        self._left = self._counter("left_series", "Series that left the queue uncomputed.", ("reason",))
        self._queue_seconds = self._histogram("queue_seconds", "Seconds a request waited.", SECONDS)
        self._batch_rows = self._histogram("batch_rows", "Series in a batch.", ROWS)
        self._batch_items = self._histogram("batch_requests", "Requests in a batch.", ROWS)
        self._batch_seconds = self._histogram("batch_seconds", "Seconds the engine took.", SECONDS)
        self._batch_failures = self._counter("batch_failures", "Batches on which the engine failed.")
        self._queue_rows = self._gauge("queue_series", "Series that wait for the engine.")
        self._ready = self._gauge("ready_workers", "Workers that are ready for requests.")
        self._model = self._gauge(
            "model_info", "Workers that serve this model.", ("model", "version", "engine")
        )

    def of_predictions(self, *, labels: Sequence[str], warnings: Sequence[str]) -> PredictionMetrics:
        """Metrics of the answers of one model, to be made once: see `PredictionMetrics`."""
        return PredictionMetrics(self._registry, labels=labels, warnings=warnings)

    def answered(self, *, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        count, duration = self._of_answers(route, status)
        count.inc()
        duration.observe(seconds)

    @cache  # noqa: B019 - as few as routes and statuses, and a Metrics lives as long as its process
    def _of_answers(self, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(route, status), self._request_seconds.labels(route)

    def serving(self, *, model: str, version: int, engine: str) -> None:
        """The engine is proven and requests are taken."""
        self._model.labels(model, version, engine).set(1)
        self._ready.set(1)

    def draining(self) -> None:
        """Requests should go elsewhere."""
        self._ready.set(0)

    def admitted(self, *, rows: int) -> None:
        """Rows entered the queue."""
        self._admitted.inc(rows)
        self._queue_rows.inc(rows)

    def refused(self, *, rows: int, reason: str) -> None:
        """Rows were not admitted."""
        self._refused.labels(reason).inc(rows)

    def left(self, *, rows: int, reason: str) -> None:
        """Rows left the queue before they were computed."""
        self._left.labels(reason).inc(rows)
        self._queue_rows.dec(rows)

    def queued(self, *, rows: int, seconds: float) -> None:
        """An item left the queue for its batch after this wait."""
        self._queue_seconds.observe(seconds)
        self._queue_rows.dec(rows)

    def ran(self, *, rows: int, items: int, seconds: float, failed: bool) -> None:
        """A batch ended."""
        self._batch_rows.observe(rows)
        self._batch_items.observe(items)
        self._batch_seconds.observe(seconds)
        if failed:
            self._batch_failures.inc()

    def render(self) -> bytes:
        """All metrics in the text format, of every worker."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if not folder:
            return generate_latest(self._registry)
        _forget_dead_workers(Path(folder))
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"timeseries_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> Histogram:
        return Histogram(f"timeseries_{name}", text, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"timeseries_{name}", text, labels, registry=self._registry, multiprocess_mode="livesum")


def _forget_dead_workers(folder: Path) -> None:
    """Drop the gauges of workers that are no more; their counts stay. A killed worker cannot do so itself."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
