"""Every row exactly once, at whichever step of a job processes are killed, stopped or late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract import Artifact
from app.scoring.coordinator import Coordinator
from app.scoring.leases import Leases, Owner
from app.scoring.ledger import Ledger
from app.scoring.plan import Plan
from app.store import Store, open_store
from tests.app.scoring.jobs import OwnPool, plan_of, result_of, scorer_of, some_series

ROWS = 40
_STEPS = ("create", "replace", "overwrite", "delete", "read", "find", "list")


class Killed(BaseException):
    """The process has ended: nothing handles this, and nothing is done after it."""


class MortalStore:
    """A store whose process is killed before or after one of its steps.

    Args:
        store: with the objects.
        last: the number of steps that are done.
        is_after: whether the step after those is done, but its result is not seen.
    """

    def __init__(self, store: Store, last: int, *, is_after: bool) -> None:
        self._store, self._left, self._is_after = store, last, is_after
        self.url = store.url

    def __getattr__(self, name: str) -> Any:
        """Every method of a store."""
        method: Callable[..., Any] = getattr(self._store, name)

        def step(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < -1 or (self._left == -1 and not self._is_after):
                raise Killed
            result = method(*arguments, **options)
            if self._left == -1:
                raise Killed
            return list(result) if isinstance(result, Iterator) else result

        return step


def run(store: Any, plan: Plan, artifact: Artifact, *, owner: str) -> None:
    """One process: plan, score, finish. Leases of others expire at once."""
    ledger = Ledger(store)
    plan = ledger.create_plan(plan)
    leases = Leases(store, Owner(owner, owner, 1, "1"), seconds=0.0)
    coordinator = Coordinator(plan, ledger, leases, lease_seconds=0.0, on_rows=lambda *_: None)
    coordinator.run(OwnPool(scorer_of(artifact.contract), ledger))  # type: ignore[arg-type]
    coordinator.finish()


@given(deaths=st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=8))
@settings(max_examples=40)
def test_processes_may_be_killed_at_any_step(artifact: Artifact, deaths: list[tuple[int, bool]]) -> None:
    """Before or after any call of the store, any number of times: the next run goes on."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "a.npy", some_series(ROWS))
        plan = plan_of(artifact.contract, folder / "a.npy", folder / "a.npy")
        store = open_store(folder / "out")
        for number, (last, is_after) in enumerate(deaths):
            with suppress(Killed):
                run(MortalStore(store, last, is_after=is_after), plan, artifact, owner=f"{number}")
        run(store, plan, artifact, owner="last")
        assert_each_row_is_there_twice(folder)


def assert_each_row_is_there_twice(folder: Path) -> None:
    """Of a file that was named twice; and no file is left that does not count."""
    rows = Counter(row for _, row in result_of(folder / "out"))
    assert rows == dict.fromkeys(range(1, ROWS + 1), 2)
    shards = list((folder / "out" / "shards").iterdir())
    assert len(shards) == 6
    assert not list((folder / "out" / "leases").iterdir())


@pytest.mark.parametrize("is_other", [False, True])
def test_a_late_process_changes_nothing(artifact: Artifact, tmp_path: Path, *, is_other: bool) -> None:
    """It was stopped after it had scored a task, which another process has finished meanwhile.

    Whether its shard has the same bytes, or, on another processor, others.
    """
    np.save(tmp_path / "a.npy", some_series(ROWS))
    plan = plan_of(artifact.contract, tmp_path / "a.npy", tmp_path / "a.npy")
    store = open_store(tmp_path / "out")
    task = plan.tasks()[1]
    late = scorer_of(artifact.contract).score(task)
    late = late._replace(content=late.content + b" ") if is_other else late
    run(store, plan, artifact, owner="first")
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    ledger = Ledger(store)
    record = ledger.write_shard(task, late, "late")
    assert not ledger.add(task.number, record)
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    assert_each_row_is_there_twice(tmp_path)


def test_two_processes_divide_the_work(artifact: Artifact, tmp_path: Path) -> None:
    """A task that one has claimed is not scored by the other."""
    np.save(tmp_path / "a.npy", some_series(ROWS))
    plan = plan_of(artifact.contract, tmp_path / "a.npy")
    store = open_store(tmp_path / "out")
    ledger = Ledger(store)
    ledger.create_plan(plan)
    mine = Leases(store, Owner("mine", "mine", 1, "1"), seconds=3600)
    assert mine.claim(0)
    assert mine.claim(2)
    other = Leases(store, Owner("other", "other", 1, "1"), seconds=3600)
    coordinator = Coordinator(plan, ledger, other, lease_seconds=3600, on_rows=lambda *_: None)

    class Enough(Exception):
        """The pool has nothing to do."""

    class ShortPool(OwnPool):
        def messages(self, timeout: float) -> Iterator[tuple[Any, Any]]:
            if len(self.idle) == len(self._workers):
                raise Enough
            return super().messages(timeout)

    with pytest.raises(Enough):
        coordinator.run(ShortPool(scorer_of(artifact.contract), ledger))  # type: ignore[arg-type]
    assert ledger.recorded() == {1}
