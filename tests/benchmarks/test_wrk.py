"""The closed-loop generator's command line and what it prints."""

from __future__ import annotations

import pytest

from benchmarks.peers import wrk
from benchmarks.peers.bodies import Request
from benchmarks.peers.errors import HarnessError, PeerError

RESULT = (
    'RESULT {"requests": 3100, "microseconds": 2000000, "p50": 1500, "p90": 2000, "p99": 9000, '
    '"p999": 12000, "max": 20000, "refused": 100, "broken": 2, "timeouts": 1}'
)


def test_only_good_answers_count() -> None:
    """Refusals are quick to give and no throughput; every kind of failure is counted."""
    found = wrk.parse(f"Running 2s test\n  1 threads and 32 connections\n{RESULT}\n")
    assert found == wrk.ClosedLoop(rate=1500, p50=1.5, p90=2.0, p99=9.0, p999=12.0, failed=103)


def test_a_server_that_only_refuses_has_no_throughput() -> None:
    """However quickly it does."""
    assert wrk.parse(RESULT.replace('"refused": 100', '"refused": 3100')).rate == 0


def test_output_without_a_result_is_quoted() -> None:
    """Whatever wrk had to say instead."""
    with pytest.raises(PeerError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1 Connection refused")


def test_the_command_passes_body_and_headers_to_the_script() -> None:
    """After the two dashes are the script's own arguments."""
    request = Request("/predict", b"", {"Content-Type": "application/json", "Accept": "a/b"})
    line = wrk.command(8000, request, "/tmp/body", connections=32, seconds=2.6)  # noqa: S108 - only a name
    assert line[line.index("--") :] == ["--", "/tmp/body", "Content-Type: application/json", "Accept: a/b"]  # noqa: S108
    assert line[line.index("--duration") + 1] == "3s"
    assert "http://127.0.0.1:8000/predict" in line


def test_a_missing_wrk_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what to install."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HarnessError, match="apt-get install wrk"):
        wrk.check()
