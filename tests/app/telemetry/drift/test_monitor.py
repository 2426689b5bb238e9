"""`app.telemetry.drift.monitor`: start, window, alarm, reset; the report and the metrics of it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest

from app.contract import Artifact
from app.inference.trust import Assessor
from app.telemetry.drift.collector import DriftCollector
from app.telemetry.drift.measuring import Served
from app.telemetry.drift.monitor import BUCKETS, DriftMonitor, DriftOptions
from app.telemetry.drift.report import report_of
from tests.support.drift import WARNINGS, usual_series, with_reference
from tests.support.trusted import TRUST, answers

MINUTE = 60.0


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000 * MINUTE

    def __call__(self) -> float:
        """The moment that was set."""
        return self.now


def served(series: np.ndarray) -> Served:
    """What the small artifact's service counts of these series."""
    outputs = answers(series)
    found = Assessor(TRUST)(series, outputs)
    return Served(series, outputs[:, :-1], found.ood_scores, found.warnings)


@pytest.fixture
def clock() -> Time:
    """The clock of the monitors."""
    return Time()


def a_monitor(artifact: Artifact, clock: Time, folder: Path | None = None) -> DriftMonitor:
    """A monitor of the small artifact, with a window of an hour."""
    contract = with_reference(artifact.contract)
    options = DriftOptions(false_alarm_rate=0.01, window_seconds=BUCKETS * MINUTE, folder=folder)
    return DriftMonitor(contract, WARNINGS, options, clock=clock, wall_clock=clock)


def test_the_window_slides_and_the_start_stays(trusted_artifact: Artifact, clock: Time) -> None:
    """In steps of a sixtieth."""
    monitor = a_monitor(trusted_artifact, clock)
    for _ in range(90):
        monitor.add(served(usual_series(3, 1)))
        monitor.check()
        clock.now += MINUTE
    monitor.check()
    report = report_of(monitor)
    assert report.since_start.series == 270
    assert report.window.series == 3 * (BUCKETS - 1)
    assert report.window.seconds == (BUCKETS - 1) * MINUTE
    clock.now += 10_000 * MINUTE
    assert report_of(monitor).window.series == 0


def test_shares_and_means_are_of_the_series(trusted_artifact: Artifact, clock: Time) -> None:
    """Beside those of the reference, and with the sums that they come from."""
    monitor = a_monitor(trusted_artifact, clock)
    series = np.concatenate([usual_series(99, 2), np.ones((1, 16), np.float32)])
    monitor.add(served(series), overlapping=3, repeated=2)
    report = report_of(monitor)
    figures, outputs = report.since_start, answers(series)
    assert figures.labels is not None
    assert figures.labels["1"] == pytest.approx((outputs[:, 1] > 0.5).mean())
    assert figures.mean_confidence == pytest.approx(outputs[:, :2].max(axis=1).mean(), abs=1e-5)
    assert figures.warnings is not None
    assert figures.warnings["flat"] == 0.01
    assert figures.left_out == {"overlapping": 3, "repeated": 2, "surplus": 0}
    assert sum(figures.sums["ood_score"]) == 100
    assert figures.spectrum is not None
    assert sum(figures.spectrum) == pytest.approx(1, abs=1e-4)
    assert report.reference[0].psi == {"ood_score": 0, "confidence": 0, "labels": 0}


def test_sums_of_replicas_can_be_added(trusted_artifact: Artifact, clock: Time) -> None:
    """The same figures as those of one replica that got all series."""
    series = usual_series(100, 3)
    reports = []
    for part in (series[:30], series[30:], series):
        monitor = a_monitor(trusted_artifact, clock)
        monitor.add(served(part))
        reports.append(report_of(monitor).since_start.sums)
    for name in ("ood_score", "confidence", "labels", "warnings", "confidence_sum"):
        assert np.add(reports[0][name], reports[1][name]) == pytest.approx(np.array(reports[2][name]))


def test_a_change_raises_the_alarm_once_and_a_reset_ends_it(
    trusted_artifact: Artifact, clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log, however long it lasts and however many workers look."""
    monitor = a_monitor(trusted_artifact, clock)
    monitor.add(served(usual_series(500, 4)))
    monitor.check()
    assert not report_of(monitor).alarm.raised
    with caplog.at_level(logging.WARNING):
        for seed in range(20):
            monitor.add(served(usual_series(10, 50 + seed, novelty=(1, 3))))
            monitor.check()
        monitor.add(served(usual_series(10_000, 5)))  # back to normal
        monitor.check()
    [record] = caplog.records
    assert "drift alarm: version 1" in record.getMessage()
    assert "most evidence: ood_score" in record.getMessage()
    alarm = report_of(monitor).alarm
    assert alarm.raised
    assert alarm.raised_after_series is not None
    assert 500 < alarm.raised_after_series < 700
    monitor.reset()
    report = report_of(monitor)
    assert not report.alarm.raised
    assert report.since_start.series == report.window.series == 0
    assert report.alarm.log_evidence == pytest.approx(0)


def test_workers_share_the_alarm(trusted_artifact: Artifact, clock: Time, tmp_path: Path) -> None:
    """Half of the evidence each: the same as one worker with all series."""
    alone = a_monitor(trusted_artifact, clock)
    workers = [a_monitor(trusted_artifact, clock, tmp_path) for _ in range(2)]
    for seed in range(10):
        series = usual_series(20, seed, novelty=(-1, 2))
        alone.add(served(series))
        for number, worker in enumerate(workers):
            worker.add(served(series[number::2]))
        alone.check()
        workers[seed % 2].check()
    reports = [report_of(each) for each in (alone, *workers)]
    evidence = [report.alarm.log_evidence for report in reports]
    assert evidence == pytest.approx([evidence[0]] * 3, abs=1e-3)
    assert [report.since_start.series for report in reports] == [200] * 3
    workers[0].reset()
    assert report_of(workers[1]).since_start.series == 0


def test_the_metrics_say_the_same(trusted_artifact: Artifact, clock: Time) -> None:
    """Of each loaded version; none without a version."""
    monitor = a_monitor(trusted_artifact, clock)
    monitor.add(served(usual_series(20, 1)), repeated=1)
    text = generate_latest(DriftCollector(lambda: [monitor])).decode()
    assert 'timeseries_drift_alarm{version="1"} 0.0' in text
    assert 'timeseries_drift_series{period="start",version="1"} 20.0' in text
    assert 'timeseries_drift_left_out_series{period="window",reason="repeated",version="1"} 1.0' in text
    assert 'timeseries_drift_log_evidence{statistic="all",version="1"}' in text
    assert 'version="1"' not in generate_latest(DriftCollector(list)).decode()
