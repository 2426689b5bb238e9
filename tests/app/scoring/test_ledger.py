"""The plan, the records and the manifest of a job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.contract import Artifact
from app.scoring.ledger import Ledger
from app.scoring.plan import Plan
from app.series.manifest import ManifestError
from app.store import open_store
from tests.app.scoring.jobs import plan_of, some_series


def test_the_first_plan_counts(artifact: Artifact, tmp_path: Path) -> None:
    """All processes get it, though they found other files."""
    np.save(tmp_path / "a.npy", some_series(40))
    first = plan_of(artifact.contract, tmp_path)
    np.save(tmp_path / "b.npy", some_series(3))
    second = plan_of(artifact.contract, tmp_path)
    assert len(second.tasks()) == len(first.tasks()) + 1
    ledger = Ledger(open_store(tmp_path / "out"))
    assert ledger.create_plan(first) == first
    assert ledger.create_plan(second).tasks() == first.tasks()


def test_another_job_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    """With what differs."""
    np.save(tmp_path / "a.npy", some_series(4))
    plan = plan_of(artifact.contract, tmp_path / "a.npy")
    ledger = Ledger(open_store(tmp_path / "out"))
    with pytest.raises(ManifestError, match="an earlier run had other inputs, model; repeat its command"):
        ledger.check_job(plan, {"inputs": [], "options": {}, "model": {}})


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 1, "job": {}, "files": [{}]}'])
def test_a_damaged_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    """With its place."""
    store = open_store(tmp_path)
    store.create("plan.json", content)
    with pytest.raises(ManifestError, match=r"plan\.json: damaged; score into another output"):
        Ledger(store).plan()


def test_a_plan_is_read_as_it_was_written(artifact: Artifact, tmp_path: Path) -> None:
    """With files that can be divided, and files that cannot."""
    np.save(tmp_path / "a.npy", some_series(40))
    (tmp_path / "b.csv").write_text("1,2,3\n")
    plan = plan_of(artifact.contract, tmp_path)
    assert Plan.from_json(plan.to_json(), "here").tasks() == plan.tasks()
    assert [task.rows for task in plan.tasks()] == [16, 16, 8, None]
