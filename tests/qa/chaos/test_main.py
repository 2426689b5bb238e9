"""The command: every fault is tried, and its exit code says whether all held."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.chaos.__main__ import read_options, run
from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.faults import FAULTS
from qa.chaos.finding import Finding, Promise, finding_from
from qa.chaos.request_log import RequestLog
from qa.harness.process import NotServing


async def holds(context: FaultContext) -> Finding:
    """A fault that does no harm, and leaves a log."""
    context.log("server").write_text("all is well")
    return finding_from(
        "holds", RequestLog(), load="", injected="", promises=[Promise("it holds", held=True)]
    )


async def breaks(_: FaultContext) -> Finding:
    """A fault that the server does not bear."""
    return finding_from(
        "breaks", RequestLog(), load="", injected="", promises=[Promise("it holds", held=False)]
    )


async def cannot(_: FaultContext) -> Finding:
    """A fault that this machine does not allow."""
    raise CannotInject("not here")


async def ends_early(_: FaultContext) -> Finding:
    """A server that does not start."""
    raise NotServing("it ended with 1")


@pytest.mark.parametrize("other", [breaks, cannot, ends_early])
def test_one_that_does_not_hold_is_enough_for_a_1(artifact: Artifact, tmp_path: Path, other: object) -> None:
    """Broken, not tried or broken off: the others are tried all the same, and the exit code is 1."""
    faults = {"first": other, "second": holds}
    options = read_options(["--out", str(tmp_path)])
    assert asyncio.run(run(options, artifact, faults)) == 1  # type: ignore[arg-type]
    found = json.loads((tmp_path / "results.json").read_text())["findings"]
    assert [finding["held"] for finding in found] == [False, True]
    assert (tmp_path / "logs" / "second" / "server.log").read_text() == "all is well"


def test_all_that_hold_are_a_0(artifact: Artifact, tmp_path: Path) -> None:
    """Only those asked for are tried."""
    options = read_options(["--out", str(tmp_path)])
    options.only = ["second"]
    assert asyncio.run(run(options, artifact, {"first": breaks, "second": holds})) == 0


def test_the_faults_are_documented(root: Path) -> None:
    """The page on reliability has a row for each, under its name."""
    page = (root / "docs" / "reliability.md").read_text()
    assert [name for name in FAULTS if f"| `{name}` |" not in page] == []
