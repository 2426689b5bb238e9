"""`app.telemetry.version_metrics`: totals of each version, of one process and of several workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.inference.batching import BatchObserver
from app.telemetry.metrics import Metrics


def count(metrics: Metrics) -> None:
    """Two batches of version 1, one of them failed, and a request of version 2 that left the queue."""
    first: BatchObserver = metrics.observer(1)
    for _ in range(3):
        first.admitted(rows=2)
        first.queued(rows=2, seconds=0.5)
    first.ran(rows=4, items=2, seconds=0.25, failed=False)
    first.ran(rows=2, items=1, seconds=0.25, failed=True)
    second: BatchObserver = metrics.observer(2)
    second.admitted(rows=1)
    second.dropped(rows=1, reason="expired")


def test_each_version_has_its_totals() -> None:
    """Batches count once, their seconds for each request; failed batches count requests alone."""
    metrics = Metrics()
    count(metrics)
    found = metrics.version_statistics()
    first, second = found[1], found[2]
    assert (first.batches, first.succeeded, first.failed, first.queued) == (1, 2, 1, 3)
    assert (first.queue_seconds, first.engine_seconds) == (1.5, 0.5)
    assert first.last_batch > 1_700_000_000
    assert (second.batches, second.succeeded, second.failed, second.last_batch) == (0, 0, 1, 0.0)


def test_what_is_counted_for_a_version_counts_for_all() -> None:
    """The observer of a version passes every event on."""
    metrics = Metrics()
    count(metrics)
    metrics.observer(1).refused(rows=3, reason="full")
    text = metrics.render().decode()
    for line in (
        "timeseries_admitted_series_total 7.0",
        "timeseries_queue_series 0.0",
        "timeseries_queue_seconds_count 3.0",
        "timeseries_batch_rows_count 2.0",
        "timeseries_batch_failures_total 1.0",
        'timeseries_dropped_series_total{reason="expired"} 1.0',
        'timeseries_refused_series_total{reason="full"} 3.0',
    ):
        assert line in text.splitlines()


def test_totals_are_of_all_workers(tmp_path: Path) -> None:
    """Also of one that has ended: whoever asks another worker gets the same."""
    code = (
        "from app.telemetry.metrics import Metrics\n"
        "from tests.app.telemetry.test_version_metrics import count\n"
        "metrics = Metrics(); count(metrics); metrics.flush()\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    code = f"{code}print(metrics.version_statistics()[1].succeeded, metrics.version_statistics()[1].queued)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["6", "9"]
