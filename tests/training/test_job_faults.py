"""The whole job beside another one, on a disk without room, and when it is killed or told to stop."""

from __future__ import annotations

import csv
import json
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.contract import open_artifact
from tests.training.faults import on_small_disk, start_job
from training.__main__ import main
from training.cli.options import parse
from training.data.sources import load_dataset
from training.fit.cross_validation import Progress
from training.job import run

EPOCHS = 12


@pytest.fixture
def waves(tmp_path: Path, wave_files: dict[str, str], tiny_options: dict[str, Any]) -> list[str]:
    """The options of a tiny model on small files, all below the test's folder."""
    config = tmp_path / "config.json"
    places = {"out": str(tmp_path / "out"), "runs": str(tmp_path / "runs"), "name": "waves"}
    config.write_text(json.dumps(tiny_options | places | wave_files), encoding="utf-8")
    return ["--config", str(config)]


def _smallest(*options: str) -> list[str]:
    return ["--dataset", "Chinatown", "--model", "reference-perceptron", "--epochs", "3", *options]


def _continue(*options: str) -> tuple[Path, list[str]]:
    """Run the job with these options in this process: the version's folder, and the lines of the run."""
    config, lines = parse(options), list[str]()
    return run(config, load_dataset(config), Progress(lines.append)), lines


@pytest.mark.usefixtures("no_pictures", "eager_fits")
def test_two_runs_of_one_artifact_at_once(
    tmp_path: Path,
    waves: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each seals its own version and prints only its own lines; a third run with the same name is refused."""
    short = [*waves, "--epochs", "1", "--folds", "0"]
    with start_job(*short, "--run", "one") as one:
        assert one.stdout is not None
        first = one.stdout.readline()
        with start_job(*short, "--run", "one") as third:
            assert third.communicate()[1].startswith(
                f"error: {tmp_path}/runs/one: in use by process {one.pid} on "
            )
            assert third.returncode == 1
        monkeypatch.setattr("sys.argv", ["training", *short, "--run", "other", "--seed", "2"])
        assert main() == 0
        out, error = one.communicate()
    # No line of TensorFlow, either: the process has imported it and trained with it.
    assert (one.returncode, error) == (0, "")
    assert first == "Waves: 48 training and 48 test series of 64 values, classes -1, 1\n"
    last_lines = {text.splitlines()[-1] for text in (out, capsys.readouterr().out)}
    versions = {str(number): tmp_path / "out" / "waves" / str(number) for number in (1, 2)}
    assert last_lines == {f"sealed {folder}" for folder in versions.values()}
    assert {path.name for path in (tmp_path / "out" / "waves").iterdir()} == {"1", "2"}
    assert {open_artifact(folder).contract.version for folder in versions.values()} == {1, 2}
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["one", "other"]


@pytest.mark.usefixtures("no_pictures")
def test_a_killed_run_continues(tmp_path: Path, waves: list[str]) -> None:
    """Killed with SIGKILL in its second fit, the same command repeats no finished epoch and completes."""
    options = [*waves, "--epochs", str(EPOCHS)]
    with start_job(*options) as process:
        assert process.stdout is not None
        third_epochs = (line for line in process.stdout if line.startswith(f"epoch   3/{EPOCHS}"))
        next(third_epochs)
        next(third_epochs)  # of the fit to all but the second fold
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()

    home = tmp_path / "runs" / "waves-transformer"
    with np.load(home / "fold-2" / "state.npz") as state:
        before = json.loads(str(state["scalars"]))["history"]
    assert 3 <= len(before) < EPOCHS
    folder, lines = _continue(*options, "--out", str(tmp_path / "elsewhere"))
    epochs = [int(line.split("/")[0].removeprefix("epoch")) for line in lines if line.startswith("epoch")]
    assert f"continues after epoch {len(before)}" in lines
    assert epochs == [*range(len(before) + 1, EPOCHS + 1), *range(1, EPOCHS + 1)]
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        history = list(csv.DictReader(file))
    assert [(row["fit"], int(row["epoch"])) for row in history] == [
        (fit, epoch) for fit in ("final", "fold 1", "fold 2") for epoch in range(1, EPOCHS + 1)
    ]
    for entry, row in zip(before, history[2 * EPOCHS :], strict=False):
        assert entry == pytest.approx({name: float(row[name]) for name in entry}, rel=1e-5)
    assert not list(home.rglob("state.npz"))


@pytest.mark.usefixtures("no_pictures")
def test_a_full_disk_stops_a_run_that_then_goes_on(tmp_path: Path) -> None:
    """A full disk is one line and leaves no partial file; with room, no epoch is repeated."""
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    train = shlex.join(["python", "-m", "training", *_smallest("--out", "out", "--runs", "runs")])
    # There is room for the run's state, and for a part of the version.
    done = on_small_disk(
        disk,
        f"head -c 750k /dev/zero >filler; {train}; echo code $?; find . -name '.?*'; rm filler; "
        f"cp -r . {shlex.quote(str(copy))}",
    )
    assert re.fullmatch(
        r"error: out/\S+/\.1\.partial\S*: cannot be written \(.+\); .+ disk, then run .+\n",
        done.stderr,
    )
    assert done.stdout.count("epoch ") == 3
    assert done.stdout.endswith("\ncode 1\n")  # and no hidden file after it
    folder, lines = _continue(*_smallest("--out", str(copy / "out"), "--runs", str(copy / "runs")))
    assert [line for line in lines if "epoch " in line] == ["continues after epoch 3"]
    assert folder == copy / "out" / "chinatown-reference-perceptron" / "1"


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
