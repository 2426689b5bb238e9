"""The configuration and its command line."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.cli.options import parse
from training.config import TrainingConfig, config_from, flag, read_config_file
from training.errors import ConfigError


def test_every_field_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names every field of the configuration, with its default."""
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in dataclasses.fields(TrainingConfig):
        assert f"{flag(field.name)} " in text
    assert "(default: 0.001)" in text


def test_help_needs_no_runtime() -> None:
    """Reading the command line imports neither TensorFlow, Keras nor OpenVINO, so that it answers at once."""
    code = "import sys, training.cli.options, training.__main__; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"tensorflow", "keras", "openvino", "sklearn", "matplotlib"} & set(modules.split())


def test_defaults_are_the_committed_artifact() -> None:
    """With no options, FordA is trained with the default of every field."""
    config = parse([])
    assert config == TrainingConfig()
    assert (config.dataset, config.artifact_name, config.model) == ("FordA", "forda", "transformer")


def test_options_are_typed() -> None:
    """Each option has its field's type, lists included."""
    config = parse(
        ["--epochs", "3", "--learning-rate", "1e-2", "--windows", "16", "8", "--dataset", "ECG5000"]
    )
    assert (config.epochs, config.learning_rate, config.windows) == (3, 0.01, (16, 8))
    assert config.artifact_name == "ecg5000"


def test_the_reference_brings_its_recipe() -> None:
    """The reference model uses its recipe unless an option overrides it."""
    config = parse(["--model", "reference", "--patience", "3"])
    assert (config.learning_rate, config.batch_size, config.validation_fraction) == (1e-4, 64, 0.2)
    assert (config.schedule, config.weight_decay, config.mixing, config.rounding) == ("constant", 0, 0, 0)
    assert config.patience == 3
    assert parse(["--model", "reference"]).patience == 10


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    """A run's saved configuration can be reused, and options override it."""
    path = tmp_path / "config.json"
    saved = TrainingConfig(epochs=7, windows=(64,), seed=5)
    path.write_text(json.dumps(saved.as_json()), encoding="utf-8")
    assert parse(["--config", str(path)]) == saved
    assert parse(["--config", str(path), "--seed", "9"]) == dataclasses.replace(saved, seed=9)


def test_names_come_from_the_data() -> None:
    """An artifact and a run are named after the data set or training file, unless options name them."""
    files = {"train_file": "somewhere/Pump 3_TRAIN.tsv", "test_file": "somewhere/Pump 3_TEST.tsv"}
    assert (config_from(files).dataset_name, config_from(files).artifact_name) == ("Pump 3", "pump-3")
    packed = {"train_file": "a/Pump_TRAIN.tsv.gz", "test_file": "a/Pump_TEST.tsv.gz"}
    assert config_from(packed).dataset_name == "Pump"
    assert config_from({"model": "reference"}).run_folder == Path("runs/forda-reference")
    assert config_from({"name": "engine", "run": "b"}).run_folder == Path("runs/b")
    assert config_from({"name": "engine"}).artifact_name == "engine"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"epochs": 0}, "--epochs: must be a whole number of at least 1"),
        ({"epochs": "ten"}, '--epochs: must be a whole number, not "ten"'),
        ({"epochs": True}, "--epochs: must be a whole number, not true"),
        ({"dropout": 1.5}, "--dropout: must be a number from 0 to 1"),
        ({"validation_fraction": 0.0}, "--validation-fraction: must be a number above 0 and below 1"),
        ({"learning_rate": 0.0}, "--learning-rate: must be a number above 0"),
        ({"windows": []}, "--windows: must be lengths of at least 4"),
        ({"windows": [8, "x"]}, '--windows: must be a list of whole numbers, not [8, "x"]'),
        ({"width": 10, "heads": 4}, "--width: must be a multiple of --heads"),
        ({"folds": 1}, "--folds: must be 0 or a whole number of at least 2"),
        ({"model": "reference", "folds": 2}, "--folds: reference models are not calibrated"),
        ({"rounding": 0.7, "noise": 0.4}, "--noise: must be at most 1 minus --rounding"),
        ({"model": "rocket"}, "--model: must be one of transformer, reference"),
        ({"train_file": "a.tsv"}, "--train-file and --test-file: set both or neither"),
        ({"name": "Ford A"}, "--name: use only lower-case letters"),
        ({"epoch": 3}, "unknown option epoch"),
        ({"hop": 0}, "--hop: must be a whole number of at least 1"),
        ({"epoch_size": 0}, "--epoch-size: must be a whole number of at least 1"),
        ({"head_units": -1}, "--head-units: must be a whole number of at least 1"),
        ({"seed": -1}, "--seed: must be a whole number of at least 0"),
        ({"limit": 0}, "--limit: must be a whole number of at least 1"),
        ({"missing": "guess"}, "--missing: must be one of refuse, interpolate"),
        ({"unequal": "cut"}, "--unequal: must be one of refuse, pad"),
    ],
)
def test_invalid_values_are_named(values: dict[str, Any], expected: str) -> None:
    """An invalid value is refused with the option's name and its valid values."""
    with pytest.raises(ConfigError) as caught:
        config_from(values)
    assert expected in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [("{", "not valid JSON"), ("[1]", "not a JSON object")])
def test_a_broken_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    """A configuration file that is no JSON object is named."""
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=expected):
        read_config_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A missing configuration file is named."""
    with pytest.raises(ConfigError, match=r"gone\.json: cannot be read"):
        parse(["--config", str(tmp_path / "gone.json")])
