"""The whole job, on real data: short runs, other data sets, and a kill in the middle."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.contract import open_artifact
from tests.training.faults import start_job
from tests.training.report.reports import PICTURES
from training.artifact.seal import verify
from training.cli.options import parse
from training.config import TrainingConfig
from training.data.sources import load_dataset
from training.fit.cross_validation import Progress
from training.job import command_of
from training.job import run as run_on

Tiny = Callable[..., TrainingConfig]
# What every model has; those on spectra, and those with trust, have more.
REPORT = {"CARD.md", "metrics.json", "history.csv"} | PICTURES - {"spectra.png", "novelty.png"}


def run(config: TrainingConfig, *, say: Callable[[str], None]) -> Path:
    """The whole job."""
    return run_on(config, load_dataset(config), Progress(say))


def _history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_two_epochs_of_forda_make_an_artifact(tiny: Tiny) -> None:
    """Two epochs on the real files give an artifact with a report and an accuracy above chance."""
    sizes = {
        "windows": (125, 50),
        "hop": 25,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "width": 16,
        "folds": 2,
        "explained": 4,
    }
    lines: list[str] = []
    folder = run(tiny(name="forda", **sizes), say=lines.append)
    artifact = open_artifact(folder)
    contract = artifact.contract
    assert set(contract.files) >= REPORT | {"novelty.png", "spectra.png"}
    assert [(label.name, label.meaning) for label in contract.labels] == [
        ("-1", "symptom absent"),
        ("1", "symptom present"),
    ]
    assert (contract.name, contract.version, contract.input.length) == ("forda", 1, 500)
    assert contract.metrics["accuracy"] > 0.8
    assert contract.metrics["accuracy_rounded_2_decimals"] > 0.8
    assert contract.provenance.config["windows"] == [125, 50]
    # Far below what sealing demands. How much sums in another order differ depends on the processor.
    assert max(verify(folder).values()) < 2e-5
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert np.sum(metrics["confusion"]["rows_are_true"]) == 1320
    assert metrics["distinct_value_count_alone"]["stored"] == 1
    assert [(row["fit"], row["epoch"]) for row in _history(folder)][:3] == [
        ("final", "1"),
        ("final", "2"),
        ("fold 1", "1"),
    ]
    assert contract.trust is not None
    assert contract.metrics["ood_auroc"] > 0.9
    assert "**The labels leak through rounding**" in artifact.card
    assert f"{contract.metrics['accuracy']:.2%}" in artifact.card
    assert contract.explanation_reference is not None
    sealed = contract.explanation_reference.content.perturbations
    assert sealed is not None
    assert (sealed.series, sealed.time.windows, sealed.frequency.bands) == (4, 10, 25)
    assert f"{sealed.cells.faithfulness.deletion.most_first:.3f}" in artifact.card
    assert metrics["explanation"]["cells"][sealed.cells.perturbation]["unlike"] is not None
    assert lines[0].startswith("FordA: 3,601 training and 1,320 test series of 500 values, classes -1, 1")


@pytest.mark.parametrize(
    ("name", "model", "length", "classes"),
    [("BME", "transformer", 128, 3), ("Chinatown", "transformer", 24, 2), ("Chinatown", "reference", 24, 2)],
)
def test_other_data_sets_train_alike(tiny: Tiny, name: str, model: str, length: int, classes: int) -> None:
    """Another data set, of another length and number of classes, is trained and sealed the same way."""
    options = {"tokens": "auto"} if model == "transformer" else {"folds": 0}
    folder = run(tiny(dataset=name, model=model, epochs=1, explained=1, **options), say=lambda _: None)
    contract = open_artifact(folder).contract
    assert contract.explanation_reference is not None
    sealed = contract.explanation_reference.content.perturbations
    assert sealed is not None
    assert (sealed.frequency.faithfulness.unlike is None) == (model == "reference")
    assert (contract.input.length, contract.classes) == (length, classes)
    assert {label.meaning for label in contract.labels} == {
        f"class {label.name}" for label in contract.labels
    }
    assert set(contract.files) >= REPORT
    assert contract.provenance.dataset == name


def test_a_killed_run_continues(
    tmp_path: Path, wave_files: dict[str, str], tiny_options: dict[str, Any]
) -> None:
    """Killed with SIGKILL in its second fit, the same command repeats no finished epoch and completes."""
    config = tmp_path / "config.json"
    places = {"out": str(tmp_path / "out"), "runs": str(tmp_path / "runs"), "name": "waves"}
    config.write_text(json.dumps(tiny_options | places | wave_files | {"epochs": 12}), encoding="utf-8")
    with start_job("--config", str(config)) as process:
        assert process.stdout is not None
        third_epochs = (line for line in process.stdout if line.startswith("epoch   3/12"))
        next(third_epochs)
        next(third_epochs)  # of the fit to all but the second fold
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()

    home = tmp_path / "runs" / "waves-transformer"
    with np.load(home / "fold-2" / "state.npz") as state:
        before = json.loads(str(state["scalars"]))["history"]
    assert 3 <= len(before) < 12
    continued = parse(["--config", str(config), "--out", str(tmp_path / "elsewhere")])
    lines: list[str] = []
    folder = run(continued, say=lines.append)
    epochs = [int(line.split("/")[0].removeprefix("epoch")) for line in lines if line.startswith("epoch")]
    assert f"continues after epoch {len(before)}" in lines
    assert epochs == [*range(len(before) + 1, 13), *range(1, 13)]
    history = _history(folder)
    assert [(row["fit"], int(row["epoch"])) for row in history] == [
        (fit, epoch) for fit in ("final", "fold 1", "fold 2") for epoch in range(1, 13)
    ]
    for entry, row in zip(before, history[24:], strict=False):
        assert entry == pytest.approx({name: float(row[name]) for name in entry}, rel=1e-5)
    assert not list(home.rglob("state.npz"))


def test_the_card_has_the_command_of_the_run() -> None:
    """The command on the card gives the configuration; the defaults need no options."""
    assert command_of(TrainingConfig()) == "python -m training"
    config = parse(["--model", "reference", "--epochs", "2", "--windows", "16", "8"])
    assert parse(command_of(config).split()[3:]) == config


def test_a_pair_of_files_is_named_after_itself(wave_files: dict[str, str], tiny: Tiny) -> None:
    """A data set given as two files takes its name from the training file."""
    assert load_dataset(tiny(**wave_files)).name == "Waves"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--data", "/nonexistent"], "error: /nonexistent/FordA_TRAIN.tsv: cannot be read (No such file"),
        (["--dataset", "NoSuchSet"], "error: NoSuchSet_TRAIN.tsv: NoSuchSet is not in the package"),
        (["--epochs", "0"], "error: --epochs: must be a whole number of at least 1"),
    ],
)
def test_errors_are_one_line(options: list[str], expected: str) -> None:
    """An error of the user is one line on standard error, with exit code 1."""
    with start_job(*options) as process:
        out, error = process.communicate()
    assert process.returncode == 1
    assert out == ""
    assert error.startswith(expected)
    assert error.count("\n") == 1


def test_tensorflow_prints_nothing(tmp_path: Path, wave_files: dict[str, str]) -> None:
    """A run prints only its own lines, and the last one names the sealed version."""
    tiny = ["--epochs", "1", "--windows", "32", "--width", "8", "--heads", "2", "--blocks", "1"]
    few = ["--folds", "2", "--epoch-size", "1"]
    places = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs"), "--name", "waves"]
    files = ["--train-file", wave_files["train_file"], "--test-file", wave_files["test_file"]]
    with start_job(*tiny, *few, *places, *files) as process:
        out, error = process.communicate()
    assert process.returncode == 0
    assert not [word for word in ("oneDNN", "absl", "cuda", "Traceback") if word in error]
    assert out.splitlines()[-1] == f"sealed {tmp_path / 'out' / 'waves' / '1'}"
