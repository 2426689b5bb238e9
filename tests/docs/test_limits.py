"""docs/limits.md is true: its numbers are the code's, and the tests that it names are there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from app.settings import Settings
from tests.conftest import ROOT

BALANCER = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
TEXT = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")


class Row(NamedTuple):
    """One limit as it is documented."""

    what: str
    most: str
    set_by: str
    beyond: str
    held_by: str


ROWS = [
    Row(*(cell.strip() for cell in line.split("|")[1:-1]))
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| what |")
]


def test_there_are_limits() -> None:
    """The table is found, so the tests below have something to hold."""
    assert len(ROWS) > 15


def _of_balancer(name: str) -> float:
    """The default of a variable of the balancer's configuration, or the argument of a directive."""
    values = re.findall(rf"(?:^\s*{re.escape(name)} |\{{{name}-)(\d+)", BALANCER, flags=re.MULTILINE)
    assert len(set(values)) == 1, f"{name} is not one number: {values}"
    return float(values[0])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_limit_is_that_of_the_code(row: Row) -> None:
    """A setting's default, or a constant in the file that is named."""
    match = re.fullmatch(r"`([\w. -]+)`(?: in `(app/[\w/]+)\.py`| in `deploy/haproxy\.cfg`)?", row.set_by)
    assert match, row.set_by
    name, file = match.groups()
    value: float
    if row.set_by.endswith("`deploy/haproxy.cfg`"):
        value = _of_balancer(name)
    elif file is None:
        value = Settings.model_fields[name.lower()].default
    else:
        value = getattr(importlib.import_module(file.replace("/", ".")), name)
    assert float(row.most.replace(",", "")) == value


def test_the_tests_that_are_named_exist() -> None:
    """Under these names, in these files."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
    assert len(named) > len(ROWS)
    for file, name in named:
        source = Path(ROOT, file).read_text(encoding="utf-8")
        assert f"def {name}(" in source, f"{file} has no {name}"


def test_every_limit_has_its_test() -> None:
    """None is only promised."""
    assert all(re.fullmatch(r"`tests/[\w/]+\.py::\w+`", row.held_by) for row in ROWS)
