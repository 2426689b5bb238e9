"""The whole job, on real data: short runs, other data sets, and errors of the user."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.contract import open_artifact
from tests.training.report.reports import PICTURES
from training.__main__ import main
from training.artifact.seal import verify
from training.cli.options import parse
from training.config import TrainingConfig, config_from
from training.data.sources import load_dataset
from training.data.ucr import Dataset
from training.fit.cross_validation import Progress
from training.job import command_of, run_fingerprint
from training.job import run as run_on

Tiny = Callable[..., TrainingConfig]
# What every model has; those on spectra, and those with trust, have more.
REPORT = {"CARD.md", "metrics.json", "history.csv"} | PICTURES - {"spectra.png", "novelty.png"}


def run(config: TrainingConfig, *, say: Callable[[str], None]) -> Path:
    """The whole job."""
    return run_on(config, load_dataset(config), Progress(say))


def test_two_epochs_of_forda_make_an_artifact(tiny: Tiny) -> None:
    """Two epochs on the real files give an artifact with a report and an accuracy above chance."""
    sizes = {
        "windows": (125, 50),
        "hop": 25,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "width": 16,
        "folds": 0,
        "limit": 1200,
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
    assert contract.drift is not None
    assert [(view.name, view.series) for view in contract.drift.views] == [
        ("stored", 120),
        ("rounded_2", 120),
    ]
    # Far below what sealing demands. How much sums in another order differ depends on the processor.
    assert max(verify(folder).values()) < 2e-5
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert np.sum(metrics["confusion"]["rows_are_true"]) == 1320
    assert metrics["distinct_value_count_alone"]["stored"] == 1
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["fit"], row["epoch"]) for row in csv.DictReader(file)] == [
            ("final", "1"),
            ("final", "2"),
        ]
    assert contract.trust is not None
    assert contract.metrics["ood_auroc"] > 0.9
    assert contract.neighbours is not None
    assert (contract.neighbours.number, contract.neighbours.training_file) == (1200, "FordA_TRAIN.tsv")
    assert contract.metrics["held_out_vote_of_5"] > 0.8
    assert f"{contract.metrics['held_out_vote_of_5_rounded_2_decimals']:.2%}" in artifact.card
    assert "`neighbours.npz` is an index of 1,200 training series" in artifact.card
    assert "**The labels leak through rounding**" in artifact.card
    assert f"{contract.metrics['accuracy']:.2%}" in artifact.card
    assert contract.explanation_reference is not None
    sealed = contract.explanation_reference.content.perturbations
    assert sealed is not None
    assert (sealed.series, sealed.time.windows, sealed.frequency.bands) == (4, 10, 25)
    assert f"{sealed.cells.faithfulness.deletion.most_first:.3f}" in artifact.card
    assert metrics["explanation"]["cells"][sealed.cells.perturbation]["unlike"] is not None
    assert lines[0].startswith("FordA: 1,200 training and 1,320 test series of 500 values, classes -1, 1")


@pytest.mark.usefixtures("eager_fits")
@pytest.mark.parametrize("model", ["transformer", "reference"])
def test_other_data_sets_train_alike(tiny: Tiny, model: str) -> None:
    """Another data set, whose series are the shortest of the archive, is trained and sealed the same way."""
    folder = run(
        tiny(dataset="Chinatown", model=model, tokens="auto", epochs=1, folds=0, explained=1),
        say=lambda _: None,
    )
    contract = open_artifact(folder).contract
    assert contract.explanation_reference is not None
    sealed = contract.explanation_reference.content.perturbations
    assert sealed is not None
    assert (sealed.frequency.faithfulness.unlike is None) == (model == "reference")
    assert (contract.input.length, contract.classes) == (24, 2)
    assert {label.meaning for label in contract.labels} == {
        f"class {label.name}" for label in contract.labels
    }
    assert set(contract.files) >= REPORT
    assert contract.provenance.dataset == "Chinatown"


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
def test_errors_are_one_line(
    options: list[str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error of the user is one line on standard error, with exit code 1."""
    monkeypatch.setattr("sys.argv", ["training", *options])
    assert main() == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(expected)
    assert error.count("\n") == 1


def test_what_is_measured_after_the_fits_does_not_identify_a_run(wave_dataset: Dataset) -> None:
    """So a run that could not be sealed goes on without its index, and is not fitted again."""
    first = run_fingerprint(TrainingConfig(), wave_dataset)
    assert run_fingerprint(config_from({"neighbours": "none", "explained": 0}), wave_dataset) == first
    assert run_fingerprint(config_from({"seed": 2}), wave_dataset) != first
