"""`python -m qa.fuzz`: an exit code that says whether something was found, and cases that can be seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qa.fuzz import __main__ as command
from qa.fuzz import decoders
from qa.fuzz.errors import HarnessError
from qa.fuzz.target import TARGETS, Target
from tests.qa.fuzz import broken


def test_a_case_can_be_seen(root: Path) -> None:
    """Its bytes, and what is wrong with it."""
    line = [sys.executable, "-m", "qa.fuzz", "--case", "json/5", "--seed", "3"]
    done = subprocess.run(line, cwd=root, capture_output=True, timeout=120, check=True)
    assert done.stdout == TARGETS["json"].case(3, 5).body
    assert done.stderr.decode().strip().endswith("no violation")


@pytest.mark.parametrize("name", ["json", "json/", "json/x", "xml/1", "/"])
def test_an_unknown_case_is_reported(name: str) -> None:
    """In a line, with the names of those that there are."""
    with pytest.raises(HarnessError) as caught:
        command.show(name, 0)
    cases = "json/0, npy/0, v2/0, v1/0, explain/0, encoding/0, wire/0 or another number"
    assert str(caught.value) == f"{name} is not a case; use {cases}"


@pytest.mark.parametrize(("complain", "code"), [(True, command.FAILED), (False, 0)])
def test_a_finding_is_no_success(complain: bool, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 0 only if nothing is found; the table and the findings are printed in any case."""
    check = broken.complain if complain else broken.content
    outcome = decoders.fuzz(Target(broken.NAME, broken.make, broken.take, check), seed=broken.SEED, cases=6)
    assert command.report([outcome], seed=4) == code
    out = capsys.readouterr().out
    assert "`python -m qa.fuzz --seed 4`" in out
    assert f"| {int(complain)} | 6 accepted; " in out
    assert (f"broken/{broken.BAD_CASE}: not what it should be" in out) == complain
