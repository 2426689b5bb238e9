"""The comparison of HAProxy's algorithms: its figures, from made-up outcomes, and its parts."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from app.contract import Artifact
from benchmarks.balancing import measure, report
from benchmarks.balancing.measure import WARM_UP, evaluate, in_turn
from benchmarks.balancing.plan import ALGORITHMS, SCENARIOS, Plan
from benchmarks.peers.errors import PeerError
from benchmarks.peers.records import Record, Results, read_results
from benchmarks.peers.schedule import LOST, Outcome, Schedule
from qa.harness.balancer import BALANCER_CONFIG, find_haproxy


def outcome(latencies: list[float], statuses: list[int]) -> Outcome:
    """Requests that were due one every 0.1 s from the end of the warm-up, and one before it."""
    due = np.concatenate([[0.0], WARM_UP + 0.1 * np.arange(len(latencies))])
    finished = due + np.array([9.0, *latencies])
    return Outcome(due, due + 0.001, finished, np.array([200, *statuses]))


def test_latencies_are_those_of_each_size_after_the_warm_up() -> None:
    """And those of both together. One that failed counts as 10 s."""
    found = evaluate(
        outcome([0.01, 0.03, 0.02, 5.0], [200, 200, 200, 429]),
        Schedule(np.zeros(5), np.array([0, 0, 1, 0, 0])),
        seconds=0.5,
    )
    assert found["rate"] == 3 / 0.5
    assert found["failed"] == 1
    assert found["p50"] == pytest.approx(25)
    assert found["p50_1"] == pytest.approx(20)
    assert found["p99_1"] > 9000
    assert found["p50_256"] == found["p99_256"] == pytest.approx(30)
    assert found["late_p99"] == pytest.approx(1)


def test_a_load_without_a_prediction_is_a_failure() -> None:
    """It has no latencies to report."""
    with pytest.raises(PeerError, match="no request got a prediction"):
        evaluate(outcome([1.0], [LOST]), Schedule(np.zeros(2), np.array([0, 0])), seconds=1)


def test_each_algorithm_is_first_in_a_third_of_the_rounds() -> None:
    """A machine that gets slower during a round favours none."""
    assert {in_turn(ALGORITHMS, number)[0] for number in range(3)} == set(ALGORITHMS)
    assert sorted(in_turn(ALGORITHMS, 4)) == sorted(ALGORITHMS)


@pytest.fixture
def results() -> Results:
    """Two rounds of all scenarios; least connections has the lowest p99 of the second only."""
    found = Results({"machine": "a machine"})
    for scenario in SCENARIOS:
        for number in range(2):
            for place, algorithm in enumerate(ALGORITHMS):
                p99 = 10.0 + (place if number == 0 else abs(place - 1))
                values = {"rate": 600, "p50": 1, "p99": p99, "failed": 0, "second_percent": 50}
                sizes = {"p50_1": 1, "p99_1": 9, "p50_256": 8, "p99_256": 20} if scenario.is_mixed else {}
                found.records.append(Record(algorithm, scenario.key, number, values | sizes))
    return found


def test_the_report_has_a_table_for_each_scenario_and_a_comparison(results: Results, tmp_path: Path) -> None:
    """Ratios and the lowest p99 are those of one round; it can be written again from the file."""
    results.failures["leastconn"] = ["mixed: the open-loop client failed"]
    results.save(tmp_path / "balancing.json")
    text = report.write(read_results(tmp_path / "balancing.json"))
    assert [line for line in text.splitlines() if line.startswith("### ")][:3] == [
        f"### {scenario.title}" for scenario in SCENARIOS
    ]
    assert "| leastconn | 600 (600-600) | 1.0 (1.0-1.0) | 10.5 (10.0-11.0) | 0 (0-0) | 50 (50-50) |" in text
    assert "| roundrobin | 1.00 (1.00-1.00) | 1 |" in text
    assert "| leastconn | 1.00 (0.91-1.10) | 1 |" in text
    assert "* leastconn: mixed: the open-loop client failed" in text


def test_one_line_of_the_shipped_configuration_has_the_algorithm_of_predictions() -> None:
    """It is the default of BALANCE. Streams and gRPC calls last long and keep least connections."""
    text = BALANCER_CONFIG.read_text(encoding="utf-8")
    (default,) = re.findall(r'^    balance "\$\{BALANCE-(.+)\}"$', text, flags=re.MULTILINE)
    assert default in ALGORITHMS
    assert re.findall(r"^    balance (\w+)$", text, flags=re.MULTILINE) == ["leastconn", "leastconn"]


@pytest.mark.parametrize(("algorithm", "code"), [*((name, 0) for name in ALGORITHMS), ("fastest", 1)])
def test_haproxy_reads_the_algorithm_from_the_variable(algorithm: str, code: int) -> None:
    """It accepts those that are compared, and refuses one that it does not have."""
    program = find_haproxy()
    if program is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    command = [program, "-c", "-f", str(BALANCER_CONFIG)]
    environment = {**os.environ, "BALANCE": algorithm}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr


def test_a_round_runs_on_real_processes(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each algorithm has its record, and both replicas get requests."""
    if find_haproxy() is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    monkeypatch.setattr(measure, "SCENARIOS", SCENARIOS[-1:])
    monkeypatch.setattr(measure, "WARM_UP", 0.1)
    plan = Plan(artifact=artifact.folder, rounds=1, seconds=0.5, rate=60, large=0.1, share=0.8, logs=tmp_path)
    results = Results()
    measure.run(plan, results)
    assert results.failures == {}
    assert [record.subject for record in results.records] == list(ALGORITHMS)
    for record in results.records:
        assert record.values["rate"] > 0
        assert record.values["p99_256"] > 0
        assert 0 < record.values["second_percent"] < 100
