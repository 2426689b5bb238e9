"""`app.telemetry.metrics`: what an operator reads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.inference.batching import BatchObserver
from app.telemetry.metrics import DROP_REASONS, REFUSAL_REASONS, Metrics
from app.telemetry.multiprocess_files import reserve_disk_space

on_linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")


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
    observer.dropped(rows=3, reason="expired")
    observer.queued(rows=5, seconds=0.002)
    sampled = values(metrics)
    assert sampled["timeseries_queue_series"] == 2
    assert sampled["timeseries_admitted_series_total"] == 10
    assert sampled['timeseries_dropped_series_total{reason="expired"}'] == 3
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


@pytest.mark.parametrize(
    ("event", "reasons", "name"),
    [
        (BatchObserver.refused, REFUSAL_REASONS, "refused_series"),
        (BatchObserver.dropped, DROP_REASONS, "dropped_series"),
    ],
)
def test_every_reason_is_counted_from_the_start(event: object, reasons: tuple[str, ...], name: str) -> None:
    """The reasons that the observer names stand at 0: a rate does not see the step to a first count."""
    assert set(re.findall(r"`(\w+)`", event.__doc__ or "")) == set(reasons)
    sampled = values(Metrics())
    for reason in reasons:
        assert sampled[f'timeseries_{name}_total{{reason="{reason}"}}'] == 0


@on_linux
def test_memory_and_descriptors_are_those_of_this_process() -> None:
    """What the system says about the process, in Prometheus' own names."""
    sampled = values(Metrics())
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    assert sampled["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.2)
    assert 3 <= sampled["process_open_fds"] < sampled["process_max_fds"]


def test_two_apps_in_a_process_do_not_share_numbers() -> None:
    """There is no global registry."""
    first, second = Metrics(), Metrics()
    for metrics in (first, second):
        metrics.predictions.for_version(1, labels=["1"], warnings=[], has_label_sets=False)
    first.admitted(rows=3)
    assert values(first)["timeseries_admitted_series_total"] == 3
    assert values(second)["timeseries_admitted_series_total"] == 0


WORKER = """
import numpy as np
from app.telemetry.metrics import Metrics
metrics = Metrics()
answers = metrics.predictions.for_version(2, labels=["-1", "1"], warnings=["flat"], has_label_sets=True)
probabilities = np.array([[0.25, 0.75], [0.1, 0.9]], np.float32)
warnings = np.array([[True], [False]])
for tally in answers.tallies(probabilities, probabilities > 0.2, warnings):
    answers.answered([tally])
metrics.watch_readiness(lambda: True)
metrics.serving(model="m", version=1, engine="e")
print(metrics.render().decode(), flush=True)
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
    assert 'timeseries_predictions_total{label="1",version="2"} 4.0' in done.stdout
    assert 'timeseries_label_sets_total{size="more",version="2"} 2.0' in done.stdout
    assert 'timeseries_warnings_total{code="flat",version="2"} 2.0' in done.stdout
    assert 'timeseries_confidence_bucket{le="0.8",version="2"} 2.0' in done.stdout
    assert 'timeseries_confidence_count{version="2"} 4.0' in done.stdout
    assert "timeseries_ready_workers 1.0" in done.stdout


@on_linux
def test_every_live_worker_reports_its_memory(root: Path, tmp_path: Path) -> None:
    """Each under its process id, and none that has ended."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WORKER + "input()"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    with start() as ended:
        ended.communicate("\n")
    with start() as first:
        assert any(line.startswith("timeseries_ready_workers") for line in first.stdout or ())
        with start() as second:
            said, _ = second.communicate("\n")
        first.communicate("\n")
    told = re.findall(r'^process_resident_memory_bytes\{pid="(\d+)"\} (\S+)$', said, flags=re.MULTILINE)
    assert {int(pid) for pid, _ in told} == {first.pid, second.pid}
    assert all(float(resident) > 1e6 for _, resident in told)


def test_room_for_later_counts_is_kept_on_the_disk(tmp_path: Path) -> None:
    """A mapped file with holes ends the process once the disk is full."""
    file, others = tmp_path / f"counter_{os.getpid()}.db", tmp_path / "counter_1.db"
    for sparse in (file, others):
        with sparse.open("wb") as stream:
            stream.truncate(65536)
    reserve_disk_space(tmp_path)
    assert file.stat().st_blocks * 512 >= 65536
    assert file.stat().st_size == 65536
    assert others.stat().st_blocks == 0
