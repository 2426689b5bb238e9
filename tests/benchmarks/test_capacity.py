"""Records of loads and the check of forecasts: from made-up figures, and on real processes."""

from __future__ import annotations

import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.cli.planning.record import read_record
from app.contract import Artifact
from benchmarks import fleet
from benchmarks.capacity import check, load, measure
from benchmarks.capacity.__main__ import _words
from benchmarks.capacity.check import Comparison, limit_row, measured_limit
from benchmarks.capacity.load import Measured
from benchmarks.capacity.measure import SHARES, curve_of
from benchmarks.peers import wrk
from benchmarks.peers.errors import HarnessError
from benchmarks.peers.wrk import ClosedLoop
from qa.harness.balancer import find_haproxy
from tests.app.cli.planning.records import record

INFINITY = float("inf")


def loads(failing: int) -> list[list[Measured]]:
    """Two rounds; from a place on, a request of the second one failed."""
    return [
        [
            Measured(1.0 + place, 0.1, 0),
            Measured(2.0, 0.1, 0) if place < failing else Measured(INFINITY, 0.1, 1),
        ]
        for place in range(len(SHARES))
    ]


def test_a_curve_ends_before_the_first_load_at_which_a_request_failed() -> None:
    """So that a forecast never plans with refusals."""
    curve = curve_of("json", 32, 1000.0, loads(failing=3))
    assert [point.rate for point in curve.points] == [share * 1000 for share in SHARES[:3]]
    assert curve.points[1].p99_ms == [2.0, 2.0]


def test_a_curve_needs_two_loads() -> None:
    """On a machine that is too busy to measure, the error says so."""
    with pytest.raises(
        HarnessError, match="32 series as json: requests failed at 30% of the peak; stop other"
    ):
        curve_of("json", 32, 1000.0, loads(failing=1))


def test_a_replica_that_waits_for_other_programs_is_not_recorded(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its figures would be those of the other programs."""
    peak = ClosedLoop(rate=10.0, p50=1, p90=1, p99=1, p999=1, failed=0)
    monkeypatch.setattr(wrk, "run", lambda *_, **__: peak)
    monkeypatch.setattr(fleet, "replicas", lambda *_, **__: nullcontext([SimpleNamespace(port=1, pids=[])]))
    some = measure.Plan(artifact.folder, series=(1,), rounds=1, seconds=0.3, logs=tmp_path)
    with pytest.raises(HarnessError, match="at the peak, the replica got 0% of its core, less than 70%"):
        measure.measure(some, command=[])


@pytest.mark.parametrize(
    ("measured", "limit"),
    [
        ([[1.0], [3.0], [5.0]], 150.0),
        ([[1.0, 1.0, 9.0], [1.0], [2.0]], 300.0),
        ([[1.0], [1.0], [INFINITY]], 200.0),
        ([[4.0], [5.0], [6.0]], None),
    ],
)
def test_the_measured_rate_within_a_latency_is_interpolated(
    measured: list[list[float]], limit: float | None
) -> None:
    """Between medians; the highest rate if all are within it, None if none is."""
    assert measured_limit(Comparison(1, 1, [100, 200, 300], [0, 0, 0], measured), 2.0) == limit


def plan(folder: Path, **changed: object) -> check.Plan:
    """A check of a made-up record."""
    values = {
        "record": record(),
        "artifact": folder,
        "series": (1,),
        "body": "json",
        "rounds": 1,
        "seconds": 0.5,
    }
    return check.Plan(**{**values, "logs": folder, **changed})  # type: ignore[arg-type]


def test_the_error_of_a_rate_is_that_of_the_forecast(tmp_path: Path) -> None:
    """The record has 8.8 ms at 60 % of 1,000 requests/s; they were measured at 500: 20 % too many."""
    measured = Comparison(1, 1, [200, 500, 800], [3, 6, 14], [[2.0], [8.8], [30.0]])
    row = limit_row(plan(tmp_path), measured)
    assert row == ("1", "1", "8.8", "600", "500", "+20 %")


def test_the_report_has_both_tables_and_names_another_machine(tmp_path: Path) -> None:
    """Failed loads have no error in percent."""
    found = [Comparison(2, 1, [400, 800], [3, 5], [[2.0, 4.0], [INFINITY, 5.0]])]
    text = check.report(plan(tmp_path), found, facts={"machine": "another", "command": "a check"})
    assert "| 2 | 1 | 400 | 3.0 | 3.0 (2.0-4.0) | +0 % |" in text
    assert "| 2 | 1 | 800 | 5.0 | inf (5.0-inf) | requests failed |" in text
    assert "of another machine" in text


def test_a_command_is_shown_without_files_of_this_machine() -> None:
    """In records that are committed."""
    assert _words(["--measure", "/home/x/record.json", "--rounds", "2"]) == [
        "--measure",
        "FILE",
        "--rounds",
        "2",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="needs taskset")
def test_a_record_is_measured_and_checked_on_real_processes(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One replica, then the same behind HAProxy; the command reads what was written."""
    if find_haproxy() is None or shutil.which("wrk") is None:
        pytest.skip("needs HAProxy and wrk: apt-get install haproxy wrk")
    monkeypatch.setattr(load, "WARM_UP", 0.1)
    monkeypatch.setattr(load, "LEAST_REQUESTS", 1)
    monkeypatch.setattr(measure, "SHARES", (0.2, 0.4))
    monkeypatch.setattr(measure, "BODIES", ("json",))
    monkeypatch.setattr(measure, "LEAST_BUSY", 0.0)
    monkeypatch.setattr(check, "COUNTS", (1,))
    monkeypatch.setattr(check, "SHARES", (0.2,))
    made = measure.measure(
        measure.Plan(artifact.folder, series=(1,), rounds=1, seconds=0.3, logs=tmp_path),
        command=["a command"],
    )
    made.save(tmp_path / "record.json")
    found = read_record(tmp_path / "record.json")
    (curve,) = found.curves
    assert len(curve.points) == 2
    assert 0 < found.memory_mb < 1000
    (comparison,) = check.check(plan(tmp_path, record=found, artifact=artifact.folder, seconds=0.3))
    assert comparison.measured[0][0] > 0
