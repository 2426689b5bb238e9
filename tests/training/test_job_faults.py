"""The whole job beside another one, on a disk without room, and when it is told to stop."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np

from app.contract import open_artifact
from tests.training.faults import on_small_disk, start_job


def _smallest(*options: str) -> list[str]:
    return ["--dataset", "Chinatown", "--model", "reference-perceptron", "--epochs", "3", *options]


def test_two_runs_of_one_artifact_at_once(tmp_path: Path) -> None:
    """Each seals its own version; a third run with the same name is refused with the holder's name."""
    places = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    with (
        start_job(*_smallest(*places, "--run", "one")) as one,
        start_job(*_smallest(*places, "--run", "other", "--seed", "2")) as other,
    ):
        assert one.stdout is not None
        one.stdout.readline()
        with start_job(*_smallest(*places, "--run", "one")) as third:
            assert third.communicate()[1].startswith(
                f"error: {tmp_path}/runs/one: in use by process {one.pid} on "
            )
            assert third.returncode == 1
        for process in (one, other):
            assert process.communicate()[1] == ""
            assert process.returncode == 0
    artifact_folder = tmp_path / "out" / "chinatown-reference-perceptron"
    assert sorted(path.name for path in artifact_folder.iterdir()) == ["1", "2"]
    assert {open_artifact(artifact_folder / name).contract.version for name in ("1", "2")} == {1, 2}
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["one", "other"]


def test_a_full_disk_stops_a_run_that_then_goes_on(tmp_path: Path) -> None:
    """A full disk is one line and leaves no partial file; with room, no epoch is repeated."""
    train = shlex.join(["python", "-m", "training", *_smallest("--out", "out", "--runs", "runs")])
    # There is room for the run's state, and for a part of the version.
    done = on_small_disk(
        tmp_path,
        f"head -c 750k /dev/zero >filler; {train}; echo code $?; find . -name '.?*'; rm filler; {train}",
    )
    assert re.fullmatch(
        r"error: out/\S+/\.1\.partial\S*: cannot be written \(.+\); .+ disk, then run .+\n",
        done.stderr,
    )
    before, after = done.stdout.split("code 1\n")
    assert before.count("epoch ") == 3
    assert after.count("epoch ") == 1
    assert "continues after epoch 3" in after
    assert after.splitlines()[0].startswith("Chinatown")
    assert after.splitlines()[-1] == "sealed out/chinatown-reference-perceptron/1"


def test_a_terminated_run_keeps_its_state(tmp_path: Path) -> None:
    """SIGTERM ends it with one line; only its state and logs stay."""
    places = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    with start_job(*_smallest(*places, "--epochs", "100000", "--patience", "100000")) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("epoch   2/"))
        process.terminate()
        error = process.communicate()[1]
    assert (process.returncode, error) == (143, "stopped; run the same command again to continue\n")
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for name in files if "events" not in name} == {"config.json", "state.npz"}
    with np.load(tmp_path / "runs" / "chinatown-reference-perceptron" / "final" / "state.npz") as state:
        assert len(json.loads(str(state["scalars"]))["history"]) >= 2
