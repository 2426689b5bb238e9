"""`capacity` as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from tests.app.cli.planning.records import record
from tests.conftest import ROOT

ASKED = ("capacity", "--rate", "1500", "--series", "1", "--p99", "13")


def test_a_record_of_ones_own_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--record`; the exit code is 0."""
    record().save(tmp_path / "record.json")
    assert main([*ASKED, "--record", str(tmp_path / "record.json")]) == 0
    out = capsys.readouterr().out
    assert "3 replicas, of which 2 suffice" in out
    assert "a machine" in out


def test_without_one_that_of_the_project_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the working directory is."""
    assert main(["capacity", "--rate", "5", "--series", "256", "--body", "npy", "--p99", "5000"]) == 0
    assert "python -m benchmarks.capacity --measure FILE" in capsys.readouterr().out


def test_what_is_not_covered_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And exit code 1."""
    assert main(["capacity", "--rate", "5", "--series", "257", "--p99", "50"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("--series 257: the record has requests of 1 to 256 series as json")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--rate", "1e10"),
        ("--series", "1.5"),
        ("--p99", "-1"),
        ("--price", "x"),
    ],
)
def test_an_invalid_number_ends_with_one_line(
    capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    """It names the option; the exit code is that of an invalid command line."""
    with pytest.raises(SystemExit) as ended:
        main([*ASKED, f"{option}={value}"])
    assert ended.value.code == 2
    assert f"argument {option}: '{value}': use a " in capsys.readouterr().err


def test_it_needs_nothing_of_the_server() -> None:
    """It runs with the base install: no numpy, settings, HTTP or artifact."""
    code = (
        "import sys; from app.cli import main\n"
        f"main({[*ASKED[:-1], '5000']})\n"
        "print({'numpy', 'httpx', 'app.settings', 'app.contract', 'app.client'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "set()"
