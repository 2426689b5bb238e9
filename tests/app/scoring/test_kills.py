"""Real scorers, killed at random moments: every row exactly once.

`make kills` has more rounds, and does the same with an object store.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.contract import Artifact
from app.scoring.ledger import Ledger
from app.series.manifest import MANIFEST
from app.store import Store, open_store
from tests.app.scoring.jobs import result_of
from tests.conftest import ROOT

ROUNDS = int(os.environ.get("SCORE_KILLS", "1"))
STORES = ("folder", "seaweed") if "SCORE_KILLS" in os.environ else ("folder",)
ROWS, SHARD_ROWS, BAD = 30_000, 500, (17, 20_123)
TASKS = 2 * ROWS // SHARD_ROWS


@pytest.fixture
def file(tmp_path: Path, artifact: Artifact) -> Path:
    """Many series with known answers, two of which cannot be scored."""
    values = np.resize(artifact.golden.series, (ROWS, artifact.contract.input.length))
    values[list(BAD), 3] = np.nan
    np.save(tmp_path / "a.npy", values)
    return tmp_path / "a.npy"


def scorer(file: Path, output: str) -> subprocess.Popen[bytes]:
    """A scorer with a worker, in a process group of its own; it names the file twice."""
    options = ("--processes", "1", "--shard-rows", f"{SHARD_ROWS}", "--lease-seconds", "2")
    command = (sys.executable, "-m", "app", "score", "--input", file, file, "--output", output, *options)
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)


def kill_at_random(running: Sequence[subprocess.Popen[bytes]], store: Store, chance: random.Random) -> None:
    """Kill scorers a moment after some more tasks are finished: with their workers, or without."""
    ledger = Ledger(store)
    wanted = len(ledger.recorded()) + chance.randrange(TASKS // (2 * ROUNDS))
    while len(ledger.recorded()) < wanted and any(each.poll() is None for each in running):
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.1))
    for each in running:
        if chance.random() < 0.5:
            os.killpg(each.pid, signal.SIGKILL)
        else:
            each.kill()  # its worker goes on for a while, and may store a shard that comes too late
        each.wait()


@pytest.mark.parametrize("kind", STORES)
def test_killed_scorers_lose_no_row_and_repeat_none(
    file: Path,
    tmp_path: Path,
    artifact: Artifact,
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two at a time share a job; each is killed; the last one ends it, with the right predictions."""
    seed = random.randrange(2**32)  # noqa: S311 - no secret
    print(f"seed {seed}")  # noqa: T201 - to repeat the choices of a run that failed
    chance = random.Random(seed)  # noqa: S311 - no secret
    output = str(tmp_path / "out")
    if kind == "seaweed":
        server = request.getfixturevalue("seaweed")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        output = server.folder()
        open_store(output).create("first", b"makes the bucket")
    store = open_store(output)
    for number in range(ROUNDS):
        kill_at_random([scorer(file, output) for _ in range(2 - number % 2)], store, chance)
    assert scorer(file, output).wait() == 3  # two rows have no series
    if kind == "seaweed":
        copy(store, tmp_path / "out")
    assert_all_rows_are_there(file, tmp_path / "out")
    check_predictions(tmp_path / "out", artifact)


def test_a_scorer_that_stood_still_changes_nothing(file: Path, tmp_path: Path) -> None:
    """All its processes were stopped with a task; another one took it over and ended the job."""
    output = tmp_path / "out"
    late = scorer(file, str(output))
    while not list((output / "leases").glob("*.json")):
        assert late.poll() is None
        time.sleep(0.01)
    os.killpg(late.pid, signal.SIGSTOP)
    try:
        assert scorer(file, str(output)).wait() == 3
        before = (output / MANIFEST).read_bytes()
    finally:
        os.killpg(late.pid, signal.SIGCONT)
    assert late.wait() == 3
    assert (output / MANIFEST).read_bytes() == before
    assert_all_rows_are_there(file, output)


def assert_all_rows_are_there(file: Path, output: Path) -> None:
    """Each twice, because the file is named twice; and no file is left that does not count."""
    expected = ((str(file), row) for row in range(1, ROWS + 1))
    assert Counter(result_of(output)) == dict.fromkeys(expected, 2)
    assert len(list((output / "shards").glob("*.parquet"))) == TASKS


def copy(store: Store, folder: Path) -> None:
    """Copy manifest and shards to a folder."""
    (folder / "shards").mkdir(parents=True)
    for path in (MANIFEST, *(each.path for each in store.list("shards"))):
        (folder / path).write_bytes(store.read(path).content)


def check_predictions(output: Path, artifact: Artifact) -> None:
    """Each row has the golden answer of its series; the bad ones have an error."""
    table = pq.read_table(output / "shards")
    rows = np.array(table["row"]) - 1
    is_bad = np.isin(rows, BAD)
    np.testing.assert_array_equal(np.array(table["error"].is_valid()), is_bad)
    expected = artifact.golden.probabilities[rows % len(artifact.golden.series)]
    for place, label in enumerate(artifact.contract.labels):
        found = table[f"probability_{label.name}"].to_numpy()
        tolerance = artifact.contract.output.tolerance
        np.testing.assert_allclose(found[~is_bad], expected[~is_bad, place], atol=tolerance)
