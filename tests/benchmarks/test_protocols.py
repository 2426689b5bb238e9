"""The table of protocols, from made-up figures, and the requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.records import Record, Results, read_results
from benchmarks.protocols.__main__ import TARGETS, report
from benchmarks.protocols.loads import GRPC, LOADS, Load
from benchmarks.protocols.measure import ALONE, OURS, TRITON

SERIES = np.linspace(0, 1, 1000, dtype=np.float32).reshape(2, 500)


@pytest.fixture
def results() -> Results:
    """Two rounds, the second on a machine that is twice as fast."""
    found = Results({"machine": "a machine"})
    for number, speed in enumerate((1, 2)):
        for load in (*(load.key for load in LOADS), GRPC):
            rate = speed * (900 if load.startswith("v1") else 1000)
            found.records.append(Record(OURS, load, number, {"rate": rate, "cpu_us": 101.0 / speed}))
            found.records.append(Record(TRITON, load, number, {"rate": speed * 500.0, "cpu_us": 300.0}))
        found.records.append(Record(ALONE, "native json", number, {"rate": 1000.0, "cpu_us": 100.0 / speed}))
    return found


def test_every_target_has_its_ratio(results: Results) -> None:
    """Taken within a round."""
    reached = [target.row(results)[2:] for target in TARGETS]
    assert reached == [
        ("1.00 (1.00-1.00) times", "yes"),
        ("1.00 (1.00-1.00) times", "yes"),
        ("0.90 (0.90-0.90) times", "yes"),
        ("2.00 (2.00-2.00) times", "yes"),
        ("2.00 (2.00-2.00) times", "yes"),
        ("2.00 (2.00-2.00) times", "yes"),
        ("1.01 (1.01-1.01) times", "yes"),
    ]


def test_a_report_can_be_written_without_a_server_that_failed(results: Results, tmp_path: Path) -> None:
    """What was not measured is neither met nor missed."""
    results.records = [record for record in results.records if record.subject != TRITON]
    results.failures[TRITON] = ["cannot be installed"]
    results.save(tmp_path / "protocols.json")
    text = report(read_results(tmp_path / "protocols.json"))
    assert "| not measured | - |" in text
    assert "* triton: cannot be installed" in text
    assert "| ours: v1 json | 1,350 (900-1,800) |" in text


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.key)
def test_all_loads_send_the_same_numbers(load: Load) -> None:
    """In the form of each protocol."""
    request = load.make(SERIES)
    if "json" in load.key:
        found = json.loads(request.body)
        values = found["instances"] if "instances" in found else found["inputs"][0]["data"]
        np.testing.assert_allclose(np.ravel(values), SERIES.ravel(), rtol=1e-5)
    else:
        assert request.body.endswith(SERIES.tobytes())
