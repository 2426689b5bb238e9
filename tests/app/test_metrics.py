"""`app.metrics`: what an operator reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.batching import BatchObserver
from app.metrics import Metrics


def values(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels."""
    lines = (line for line in metrics.render().decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_the_queue_gauge_follows_what_enters_and_leaves() -> None:
    """Rows in the queue are those admitted, less those that were computed or left."""
    metrics = Metrics()
    observer: BatchObserver = metrics
    observer.admitted(rows=5)
    observer.admitted(rows=3)
    observer.admitted(rows=2)
    observer.left(rows=3, reason="expired")
    observer.queued(rows=5, seconds=0.002)
    sampled = values(metrics)
    assert sampled["timeseries_queue_series"] == 2
    assert sampled["timeseries_admitted_series_total"] == 10
    assert sampled['timeseries_left_series_total{reason="expired"}'] == 3
    assert sampled['timeseries_queue_seconds_bucket{le="0.0025"}'] == 1


def test_batches_are_counted_with_their_failures() -> None:
    """A failed batch counts among the batches, and apart."""
    metrics = Metrics()
    metrics.ran(rows=8, items=2, seconds=0.01, failed=False)
    metrics.ran(rows=1, items=1, seconds=0.01, failed=True)
    metrics.refused(rows=4, reason="full")
    sampled = values(metrics)
    assert sampled["timeseries_batch_rows_count"] == 2
    assert sampled["timeseries_batch_rows_sum"] == 9
    assert sampled["timeseries_batch_failures_total"] == 1
    assert sampled['timeseries_refused_series_total{reason="full"}'] == 4


def test_two_apps_in_a_process_do_not_share_numbers() -> None:
    """There is no global registry."""
    first, second = Metrics(), Metrics()
    for metrics in (first, second):
        metrics.of_predictions(labels=["1"], warnings=[])
    first.admitted(rows=3)
    assert values(first)["timeseries_admitted_series_total"] == 3
    assert values(second)["timeseries_admitted_series_total"] == 0


WORKER = """
import numpy as np
from app.metrics import Metrics
metrics = Metrics()
answers = metrics.of_predictions(labels=["-1", "1"], warnings=["flat"])
probabilities = np.array([[0.25, 0.75], [0.1, 0.9]], np.float32)
warnings = np.array([[True], [False]])
for tally in answers.tallies([0, 1, 2], probabilities, probabilities > 0.2, warnings):
    answers.answered(tally)
metrics.serving(model="m", version=1, engine="e")
print(metrics.render().decode())
"""


def test_workers_add_up_and_the_dead_are_not_counted_as_ready(root: Path, tmp_path: Path) -> None:
    """Counts are of all workers that ever ran; the gauge of ready workers only of those that live."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", WORKER],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert 'timeseries_predictions_total{label="1"} 4.0' in done.stdout
    assert 'timeseries_label_sets_total{size="more"} 2.0' in done.stdout
    assert 'timeseries_warnings_total{code="flat"} 2.0' in done.stdout
    assert 'timeseries_confidence_bucket{le="0.8"} 2.0' in done.stdout
    assert "timeseries_confidence_count 4.0" in done.stdout
    assert "timeseries_ready_workers 1.0" in done.stdout
