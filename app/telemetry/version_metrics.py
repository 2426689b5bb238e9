"""Requests, batches and their seconds of each version: what protocols report as statistics of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric

from app.telemetry.buffered import BufferedCounters, Incrementable, MetricsBuffer

if TYPE_CHECKING:  # it imports this module
    from app.telemetry.metrics import Metrics

OUTCOMES = ("success", "fail")
_PREFIX = "timeseries_version_"
# Samples, by their names and outcomes, to fields of `VersionStatistics`.
_FIELDS = {
    ("timeseries_predictions_total", None): "series",
    (f"{_PREFIX}batches_total", None): "batches",
    (f"{_PREFIX}requests_total", "success"): "succeeded",
    (f"{_PREFIX}requests_total", "fail"): "failed",
    (f"{_PREFIX}queued_requests_total", None): "queued",
    (f"{_PREFIX}queue_seconds_total", None): "queue_seconds",
    (f"{_PREFIX}engine_seconds_total", None): "engine_seconds",
    (f"{_PREFIX}last_batch_timestamp_seconds", None): "last_batch",
}
# Indices of the counters of a version.
_SUCCESS, _FAIL, _BATCHES, _QUEUED, _QUEUE, _ENGINE, _LAST = range(7)


@dataclass(slots=True)
class VersionStatistics:
    """Totals of one version since the start of the server, of all workers.

    Attributes:
        series: that got a prediction.
        batches: that the engine computed.
        succeeded: requests that were computed.
        failed: requests that were admitted, and left the queue or their batch without a result.
        queued: requests that left the queue because their batch started.
        queue_seconds: that these waited in the queue, in sum.
        engine_seconds: that the batches of all computed requests took, counted for each request.
        last_batch: moment of the last batch's end, in seconds since 1970; 0 before the first.
    """

    series: int = 0
    batches: int = 0
    succeeded: int = 0
    failed: int = 0
    queued: int = 0
    queue_seconds: float = 0.0
    engine_seconds: float = 0.0
    last_batch: float = 0.0


class VersionMetrics:
    """The metrics of all versions.

    Args:
        registry: the metrics are registered here.
        buffer: flushes the counts to the metrics.
    """

    def __init__(self, registry: CollectorRegistry, buffer: MetricsBuffer) -> None:
        self.buffer = buffer

        def counter(name: str, text: str, *label: str) -> Counter:
            return Counter(f"{_PREFIX}{name}", text, ("version", *label), registry=registry)

        self.requests = counter("requests", "Admitted requests that left the queue, by outcome.", "outcome")
        self.batches = counter("batches", "Batches that the engine computed.")
        self.queued = counter("queued_requests", "Requests that left the queue because their batch started.")
        self.queue_seconds = counter("queue_seconds", "Seconds that those requests waited in the queue.")
        self.engine_seconds = counter(
            "engine_seconds", "Seconds that the batches of computed requests took, counted for each request."
        )
        self.last_batch = Gauge(
            f"{_PREFIX}last_batch_timestamp_seconds",
            "Time of the last batch's end.",
            ("version",),
            registry=registry,
            multiprocess_mode="max",
        )


class VersionObserver:
    """Counts the events of one version's batcher, for the version and for all versions together.

    Args:
        metrics: of each version.
        version: number of the version.
        total: the metrics of all versions together.
    """

    def __init__(self, metrics: VersionMetrics, version: int, total: Metrics) -> None:
        self.admitted, self.refused = total.admitted, total.refused  # no metrics of versions have these
        self._dropped, self._queued, self._ran = total.dropped, total.queued, total.ran
        targets: list[Incrementable] = [
            *(metrics.requests.labels(version, outcome) for outcome in OUTCOMES),
            metrics.batches.labels(version),
            metrics.queued.labels(version),
            metrics.queue_seconds.labels(version),
            metrics.engine_seconds.labels(version),
            _Clock(metrics.last_batch.labels(version)),
        ]
        self._sums = BufferedCounters(metrics.buffer, targets)

    def dropped(self, *, rows: int, reason: str) -> None:
        """Count a request that will not be computed."""
        self._dropped(rows=rows, reason=reason)
        self._sums.change()[_FAIL] += 1

    def queued(self, *, rows: int, seconds: float) -> None:
        """Count the wait of a request."""
        self._queued(rows=rows, seconds=seconds)
        values = self._sums.change()
        values[_QUEUED] += 1
        values[_QUEUE] += seconds

    def ran(self, *, rows: int, items: int, seconds: float, failed: bool) -> None:
        """Count a batch that ended."""
        self._ran(rows=rows, items=items, seconds=seconds, failed=failed)
        values = self._sums.change()
        values[_LAST] += 1
        if failed:
            values[_FAIL] += items
            return
        values[_SUCCESS] += items
        values[_BATCHES] += 1
        values[_ENGINE] += items * seconds


class _Clock:
    """A gauge that shows when it was last incremented."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def inc(self, _amount: float, /) -> None:
        """Set it to the present."""
        self._gauge.set_to_current_time()


def statistics_of(metrics: Iterable[Metric]) -> Mapping[int, VersionStatistics]:
    """The totals of every version that was counted, by its number.

    Args:
        metrics: as a registry collects them: of this process, or of all workers.
    """
    found: dict[int, VersionStatistics] = {}
    for metric in metrics:
        for sample in metric.samples:
            field = _FIELDS.get((sample.name, sample.labels.get("outcome")))
            if field is not None:
                totals = found.setdefault(int(sample.labels["version"]), VersionStatistics())
                before = getattr(totals, field)
                setattr(totals, field, before + type(before)(sample.value))
    return found
