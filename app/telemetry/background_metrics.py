"""Metrics of the background queue: explanations, and the embeddings of neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.telemetry.buffered import BufferedCounters, BufferedHistogram, MetricsBuffer, RawHistogram

# The reasons that `app.inference.batching.BackgroundObserver` names.
REFUSAL_REASONS = ("not_ready", "expired", "full", "deadline")
DROP_REASONS = ("expired", "cancelled", "failed", "closed")
_PREFIX = "timeseries_background_"


class BackgroundMetrics:
    """The metrics of all versions' background queues; an observer of them.

    Args:
        registry: the metrics are registered here.
        buffer: flushes the counts to the metrics.
        seconds: upper bounds of the histogram's buckets.
    """

    def __init__(
        self, registry: CollectorRegistry, buffer: MetricsBuffer, *, seconds: Sequence[float]
    ) -> None:
        def counter(name: str, text: str, *label: str) -> Counter:
            return Counter(f"{_PREFIX}{name}", text, label, registry=registry)

        admitted = counter("admitted_series", "Series admitted to the background queue.")
        refused = counter(
            "refused_series",
            f"Series refused before the background queue: {', '.join(REFUSAL_REASONS)}.",
            "reason",
        )
        dropped = counter(
            "dropped_series",
            f"Series removed from the background queue uncomputed: {', '.join(DROP_REASONS)}.",
            "reason",
        )
        queue = Gauge(
            f"{_PREFIX}queue_series",
            "Series in the background queue.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        chunks = RawHistogram(
            f"{_PREFIX}chunk_seconds",
            "Seconds that the engine took for a chunk of the background queue.",
            (),
            buckets=tuple(seconds),
            registry=registry,
        )
        failures = counter("chunk_failures", "Chunks on which the engine failed.")
        self._rows = BufferedCounters(buffer, [admitted, queue])
        self._seconds = BufferedHistogram(buffer, chunks, seconds)
        self._failures = BufferedCounters(buffer, [failures])
        # Counters start at 0: a rate needs a first sample.
        self._refused = BufferedCounters(buffer, [refused.labels(reason) for reason in REFUSAL_REASONS])
        self._dropped = BufferedCounters(buffer, [dropped.labels(reason) for reason in DROP_REASONS])

    def admitted(self, *, rows: int) -> None:
        """Count rows that join the queue."""
        values = self._rows.change()
        values[0] += rows
        values[1] += rows

    def refused(self, *, rows: int, reason: str) -> None:
        """Count rows that are not admitted."""
        self._refused.change()[REFUSAL_REASONS.index(reason)] += rows

    def dropped(self, *, rows: int, reason: str) -> None:
        """Count rows that leave the queue without being computed."""
        self._dropped.change()[DROP_REASONS.index(reason)] += rows
        self._rows.change()[1] -= rows

    def started(self, *, rows: int) -> None:
        """Count rows that leave the queue because their chunk starts."""
        self._rows.change()[1] -= rows

    def ran(self, *, rows: int, seconds: float, failed: bool) -> None:
        """Count a chunk that has ended."""
        del rows  # counted when it started
        self._seconds.observe(seconds)
        if failed:
            self._failures.change()[0] += 1
