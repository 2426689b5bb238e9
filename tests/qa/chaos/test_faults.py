"""Two faults, quickly, from end to end: real servers, the real balancer, a real kill and real swaps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.faults import killed_replica, version_swaps
from qa.chaos.workload import Workload


def test_a_killed_replica_loses_nothing(artifact: Artifact, tmp_path: Path) -> None:
    """Of two replicas under load one is killed: the other answers everything, rightly, until it is back."""
    context = FaultContext(artifact, Workload.of(artifact), tmp_path, quick=True)
    try:
        finding = asyncio.run(killed_replica.inject(context, replicas=2, kills=1, rate=100.0))
    except CannotInject as error:
        pytest.skip(str(error))
    assert finding.held, (finding.promises, finding.faults)
    assert finding.tally is not None
    assert finding.tally.answered == finding.tally.sent > 100


def test_swaps_lose_nothing_and_a_broken_version_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    """By SIGHUP, by the periodic look and back by the pin file; each answer names a version of its time."""
    context = FaultContext(artifact, Workload.of(artifact), tmp_path, quick=True)
    finding = asyncio.run(version_swaps.inject(context, times=3, broken_after=(0,)))
    assert finding.held, (finding.promises, finding.faults)
