"""The Prometheus metrics of a process, and of all workers.

With several workers, each writes its values to files in `PROMETHEUS_MULTIPROC_DIR`, which the command line
sets before they start, and any worker renders the metrics of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from app.telemetry.background_metrics import BackgroundMetrics
from app.telemetry.buffered import BufferedCounters, BufferedHistogram, MetricsBuffer, RawHistogram
from app.telemetry.drift.collector import DriftCollector
from app.telemetry.drift.monitor import DriftMonitor
from app.telemetry.multiprocess_dir import VARIABLE
from app.telemetry.multiprocess_files import live_workers, reserve_disk_space
from app.telemetry.prediction_metrics import PredictionMetrics
from app.telemetry.renamed_metrics import WithOldNames
from app.telemetry.request_record import OTHER
from app.telemetry.version_metrics import VersionMetrics, VersionObserver, VersionStatistics, statistics_of

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# The reasons that `app.inference.batching.BatchObserver` names.
REFUSAL_REASONS = ("too_large", "not_ready", "expired", "full", "queue_time", "deadline")
DROP_REASONS = ("expired", "cancelled", "closed")
# The protocol of data that could not be parsed as a request.
NONE = "none"


class Metrics:
    """All metrics of a process; an observer of batchers and of versions.

    Attributes:
        predictions: metrics of the predictions.
        background: metrics of the background queues, and their observer.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._buffer = buffer = MetricsBuffer()
        self._requests = self._counter(
            "http_requests", "Requests that got a response.", ("protocol", "route", "status")
        )
        self._request_seconds = self._histogram(
            "http_request_seconds",
            "Seconds from the arrival of a request to its response.",
            SECONDS,
            ("protocol", "route"),
        )
        self._calls = self._counter("grpc_requests", "gRPC calls that ended.", ("method", "code"))
        self._call_seconds = self._histogram(
            "grpc_request_seconds",
            "Seconds from the arrival of a gRPC call to its end.",
            SECONDS,
            ("method",),
        )
        admitted = self._counter("admitted_series", "Series admitted to the queue.")
        refused = self._counter(
            "refused_series", f"Series refused before the queue: {', '.join(REFUSAL_REASONS)}.", ("reason",)
        )
        dropped = self._counter(
            "dropped_series",
            f"Series removed from the queue uncomputed: {', '.join(DROP_REASONS)}.",
            ("reason",),
        )
        queue_seconds = self._histogram("queue_seconds", "Seconds a request waited in the queue.", SECONDS)
        self._queue_seconds = BufferedHistogram(buffer, queue_seconds, SECONDS)
        batch_rows = self._histogram("batch_rows", "Series in a batch.", ROWS)
        self._batch_rows = BufferedHistogram(buffer, batch_rows, ROWS)
        batch_items = self._histogram("batch_requests", "Requests in a batch.", ROWS)
        self._batch_items = BufferedHistogram(buffer, batch_items, ROWS)
        batch_seconds = self._histogram("batch_seconds", "Seconds that the engine took for a batch.", SECONDS)
        self._batch_seconds = BufferedHistogram(buffer, batch_seconds, SECONDS)
        self._batch_failures = self._counter("batch_failures", "Batches on which the engine failed.")
        queue_rows = self._gauge("queue_series", "Series in the queue.")
        self._rows = BufferedCounters(buffer, [admitted, queue_rows])
        self._ready = self._gauge("ready_workers", "Workers that are ready for requests.")
        self._is_ready: Callable[[], bool] = lambda: False
        self._drift: DriftCollector | None = None
        self._model = self._gauge(
            "model_info", "Workers that have this version loaded.", ("model", "version", "engine")
        )
        self._refused_versions = self._counter(
            "refused_versions", "Versions refused because they failed verification.", ("version",)
        )
        self._artifact_checked: Gauge | None = None
        self._unauthorized = self._counter(
            "unauthorized_requests", "Requests refused because they had no valid API key."
        )
        self._refused_connections = self._counter(
            "refused_connections", "Connections refused because MAX_CONNECTIONS was reached."
        )
        self._refused_bodies = self._counter(
            "refused_bodies", "Request bodies refused because MAX_BODY_BYTES_IN_FLIGHT was reached."
        )
        self.predictions = PredictionMetrics(self._registry, buffer)
        self.background = BackgroundMetrics(self._registry, buffer, seconds=SECONDS)
        self._versions = VersionMetrics(self._registry, buffer)
        # Counters start at 0: a rate needs a first sample.
        self._refused = BufferedCounters(buffer, [refused.labels(reason) for reason in REFUSAL_REASONS])
        self._dropped = BufferedCounters(buffer, [dropped.labels(reason) for reason in DROP_REASONS])
        ProcessCollector(registry=self._registry)
        if folder := os.environ.get(VARIABLE):
            reserve_disk_space(Path(folder))

    def answered(self, *, protocol: str, route: str, status: int, seconds: float) -> None:
        """Count a response and its time."""
        self._count_of(protocol, route, status).change()[0] += 1
        self._seconds_of(protocol, route).observe(seconds)

    def answered_call(self, *, method: str, code: str, seconds: float) -> None:
        """Count a gRPC call that has ended, and its time."""
        self._calls_of(method, code).change()[0] += 1
        self._call_seconds_of(method).observe(seconds)

    def answered_unparsed(self, *, status: int) -> None:
        """Count a response to data that was no HTTP request; its time is not recorded."""
        self._count_of(NONE, OTHER, status).change()[0] += 1

    @cache  # noqa: B019 - few routes and statuses, and a Metrics lives as long as its process
    def _count_of(self, protocol: str, route: str, status: int) -> BufferedCounters:
        return BufferedCounters(self._buffer, [self._requests.labels(protocol, route, status)])

    @cache  # noqa: B019 - as above
    def _seconds_of(self, protocol: str, route: str) -> BufferedHistogram:
        return BufferedHistogram(self._buffer, self._request_seconds.labels(protocol, route), SECONDS)

    @cache  # noqa: B019 - as above
    def _calls_of(self, method: str, code: str) -> BufferedCounters:
        return BufferedCounters(self._buffer, [self._calls.labels(method, code)])

    @cache  # noqa: B019 - as above
    def _call_seconds_of(self, method: str) -> BufferedHistogram:
        return BufferedHistogram(self._buffer, self._call_seconds.labels(method), SECONDS)

    def watch_readiness(self, is_ready: Callable[[], bool]) -> None:
        """Set the function that the gauge of ready workers reads, the one behind `/readyz`."""
        self._is_ready = is_ready

    def watch_drift(self, monitors: Callable[[], Iterable[DriftMonitor]]) -> None:
        """Set the function that returns the drift monitors of the loaded versions."""
        self._drift = DriftCollector(monitors)

    def update_ready_gauge(self) -> None:
        """Set the gauge of ready workers, which every worker can read."""
        self._ready.set(self._is_ready())

    def serving(self, *, model: str, version: int, engine: str) -> None:
        """Record that a version is verified and serves requests."""
        self._model.labels(model, version, engine).set(1)
        self.update_ready_gauge()

    def retired(self, *, model: str, version: int, engine: str) -> None:
        """Record that a version is unloaded."""
        self._model.labels(model, version, engine).set(0)

    def version_refused(self, *, version: str) -> None:
        """Count a version that failed verification."""
        self._refused_versions.labels(version).inc()

    def artifact_checked(self, seconds: float) -> None:
        """Record the time of a successful check of the store that ARTIFACT names, in seconds since 1970."""
        if self._artifact_checked is None:  # a server of a folder has no such metric
            self._artifact_checked = Gauge(
                "timeseries_artifact_check_timestamp_seconds",
                "Time of the last successful check of the store that the URL in ARTIFACT names, "
                "in seconds since 1970.",
                registry=self._registry,
                multiprocess_mode="livemin",
            )
        self._artifact_checked.set(seconds)

    def unauthorized(self) -> None:
        """Count a request without a valid API key."""
        self._unauthorized.inc()

    def connection_refused(self) -> None:
        """Count a connection over MAX_CONNECTIONS."""
        self._refused_connections.inc()

    def body_refused(self) -> None:
        """Count a body over MAX_BODY_BYTES_IN_FLIGHT."""
        self._refused_bodies.inc()

    def admitted(self, *, rows: int) -> None:
        """Count series that were admitted to the queue."""
        self._add_rows(admitted=rows, queued=rows)

    def refused(self, *, rows: int, reason: str) -> None:
        """Count series that were not admitted."""
        self._refused.change()[REFUSAL_REASONS.index(reason)] += rows

    def dropped(self, *, rows: int, reason: str) -> None:
        """Count series that were removed from the queue uncomputed."""
        self._dropped.change()[DROP_REASONS.index(reason)] += rows
        self._add_rows(queued=-rows)

    def queued(self, *, rows: int, seconds: float) -> None:
        """Record how long a request waited before its batch started."""
        self._queue_seconds.observe(seconds)
        self._add_rows(queued=-rows)

    def ran(self, *, rows: int, items: int, seconds: float, failed: bool) -> None:
        """Record a batch that ended."""
        self._batch_rows.observe(rows)
        self._batch_items.observe(items)
        self._batch_seconds.observe(seconds)
        if failed:
            self._batch_failures.inc()

    def observer(self, version: int) -> VersionObserver:
        """An observer of the batcher of one version: counts for that version, and here for all."""
        return VersionObserver(self._versions, version, self)

    def version_statistics(self) -> Mapping[int, VersionStatistics]:
        """The totals of each version that was counted, of all workers."""
        self._buffer.flush()
        registry = self._registry
        if os.environ.get(VARIABLE):
            MultiProcessCollector(registry := CollectorRegistry())  # type: ignore[no-untyped-call]
        return statistics_of(registry.collect())

    def _add_rows(self, *, admitted: int = 0, queued: int) -> None:
        values = self._rows.change()
        values[0] += admitted
        values[1] += queued

    def flush(self) -> None:
        """Flush all counts, so that the other workers can render them."""
        self._buffer.flush()

    def render(self) -> bytes:
        """Render the metrics of all workers in Prometheus' text format."""
        self._buffer.flush()
        self.update_ready_gauge()
        drift = b"" if self._drift is None else generate_latest(self._drift)
        folder = os.environ.get(VARIABLE)
        if not folder:
            return generate_latest(WithOldNames(self._registry)) + drift
        live = live_workers(Path(folder))
        all_workers = CollectorRegistry()
        MultiProcessCollector(all_workers)  # type: ignore[no-untyped-call]
        all_workers.register(_Processes(live))
        return generate_latest(WithOldNames(all_workers)) + drift

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"timeseries_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> RawHistogram:
        return RawHistogram(f"timeseries_{name}", text, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"timeseries_{name}", text, labels, registry=self._registry, multiprocess_mode="livesum")


class _Processes(Collector):
    """Memory, CPU time and file descriptors of several processes, each with its `pid`.

    They are not summed: a sum of counters falls when a worker dies, which looks like a restart of the server.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids

    def collect(self) -> Iterable[Metric]:
        """Yield each metric with a sample of each process that is still running."""
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
