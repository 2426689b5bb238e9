"""`qa.fuzz.openapi`: what schemathesis reports becomes findings, and no report is none that all is well."""

from __future__ import annotations

import json
import stat
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from app.contract import Artifact
from qa.fuzz import openapi
from qa.fuzz.errors import HarnessError
from qa.fuzz.report import Finding
from qa.harness.server import ServerProcess

FINE: dict[str, Any] = {
    "complete": True,
    "stop_reason": "completed",
    "running_time": 1.5,
    "operations": {"tested": 1},
    "test_cases": {"generated": 2100},
    "failures": [],
    "errors": [],
    "valid_rates": {
        "GET /x": {"coverage": {"accepted": 1, "rejected": 0}, "fuzzing": {"accepted": 40, "rejected": 2}}
    },
}
FAILURE = {"title": "Undocumented status", "code": "ST101", "count": 3}


def test_a_report_without_failures_is_a_row() -> None:
    """Cases and how many of the right ones were accepted."""
    outcome = openapi.outcome_of("/x", FINE)
    assert (outcome.target, outcome.cases, outcome.findings) == ("openapi /x", 2100, [])
    assert outcome.measured == "of the valid requests 41 accepted, 2 refused"


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"failures": [FAILURE]}, "Undocumented status (ST101, 3 times)"),
        ({"errors": ["no schema"]}, "not tested: no schema"),
        ({"complete": False, "stop_reason": "interrupted"}, "not tested to the end: interrupted"),
        ({"operations": {"tested": 0}}, "not tested to the end: completed"),
    ],
)
def test_whatever_is_not_fine_is_a_finding(change: dict[str, Any], violation: str) -> None:
    """Failures, errors, and a route that was not asked."""
    report = deepcopy(FINE) | change
    assert openapi.outcome_of("/x", report).findings == [Finding("openapi /x", violation)]


def test_every_check_is_requested(tmp_path: Path) -> None:
    """None is left out, and the run can be repeated."""
    line = openapi.command(tmp_path / "st", "http://x", "/y", seed=7, cases=9, report=tmp_path / "r")
    text = " ".join(line)
    for words in (
        "--checks all",
        "--seed 7",
        "--max-examples 9",
        "--include-path /y",
        "http://x/openapi.json",
    ):
        assert words in text
    assert "--exclude" not in text


def program(folder: Path, *lines: str) -> Path:
    """A program in schemathesis' place."""
    path = folder / "schemathesis"
    path.write_text("\n".join(("#!/bin/sh", *lines)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_real_server_is_tested_route_by_route(
    server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """Each route of its document; what the program says of a failure is shown, and its exit code counts."""
    (tmp_path / "fine").write_text(json.dumps(FINE))
    (tmp_path / "bad").write_text(json.dumps(FINE | {"failures": [FAILURE]}))
    stand_in = program(
        tmp_path,
        'case "$*" in',
        f"*/livez*) echo how to ask again; cp {tmp_path}/bad {tmp_path}/report.json; exit 1;;",
        f"*/model*) cp {tmp_path}/fine {tmp_path}/report.json; exit 2;;",
        f"*) cp {tmp_path}/fine {tmp_path}/report.json;;",
        "esac",
    )
    outcomes = {
        outcome.target.removeprefix("openapi "): outcome
        for outcome in openapi.ask(stand_in, server, artifact, seed=0, cases=5, folder=tmp_path)
    }
    assert set(outcomes) == {
        "/predict",
        "/predict/stream",
        "/explain",
        "/model",
        "/livez",
        "/readyz",
        "/startupz",
        "/metrics",
        "/drift",
        "/drift/reset",
    }
    assert outcomes["/predict"].findings == []
    assert outcomes["/livez"].findings == [Finding("openapi /livez", "Undocumented status (ST101, 3 times)")]
    assert outcomes["/livez"].transcript == "how to ask again\n"
    assert outcomes["/model"].findings == [Finding("openapi /model", "schemathesis exited with code 2")]


def test_no_report_is_no_success(server: ServerProcess, artifact: Artifact, tmp_path: Path) -> None:
    """A program that cannot run says so in one line."""
    broken = program(tmp_path, "echo no such option >&2", "exit 2")
    with pytest.raises(HarnessError, match="schemathesis wrote no report on /predict: no such option"):
        list(openapi.ask(broken, server, artifact, seed=0, cases=5, folder=tmp_path))


def test_a_missing_schemathesis_is_reported_with_a_remedy(artifact: Artifact, tmp_path: Path) -> None:
    """Before a server is started."""
    with pytest.raises(HarnessError, match="schemathesis is not installed; run `make fuzz`"):
        list(openapi.fuzz(tmp_path / "none", artifact, seed=0, cases=5, folder=tmp_path))
