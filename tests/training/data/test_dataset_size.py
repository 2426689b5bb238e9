"""Data sets with too few series for a run are refused before it begins."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.config import TrainingConfig, config_from
from training.data.dataset_size import limit_dataset
from training.data.sources import load_dataset
from training.data.ucr import Dataset
from training.errors import DataError


@pytest.fixture
def files(tmp_path: Path, write_file: Callable[..., Path]) -> Callable[[Sequence[Any]], dict[str, str]]:
    """Writes a training file with these labels and a test file with each of them."""

    def write(labels: Sequence[Any]) -> dict[str, str]:
        random, classes = np.random.default_rng(0), sorted(set(labels))
        train = write_file(tmp_path / "Few_TRAIN.tsv", random.standard_normal((len(labels), 64)), labels)
        test = write_file(tmp_path / "Few_TEST.tsv", random.standard_normal((len(classes), 64)), classes)
        return {"train_file": str(train), "test_file": str(test)}

    return write


@pytest.mark.parametrize(
    ("labels", "options", "expected"),
    [
        (
            [1, 2, 1],
            {},
            "3 training series are fewer than --folds 4; add series, or set --folds to 3 or less",
        ),
        ([1, 2] * 4, {"folds": 9}, "8 training series are fewer than --folds 9"),
        ([1, 2] * 9, {"limit": 3}, "3 training series (--limit 3) are fewer than --folds 4"),
        ([1, 2] * 9, {"limit": 1}, "1 training series (--limit 1): all have the same label; raise --limit"),
        ([1] * 99 + [2], {"limit": 5, "folds": 0}, "5 training series (--limit 5): all have the same label"),
        (
            [1, 2, 1],
            {"folds": 0},
            "3 training series: --validation-fraction 0.1 holds out none of them; raise it",
        ),
        ([1, 2] * 5, {"folds": 0}, "10 training series: --validation-fraction 0.1 holds out none of them"),
        (list(range(100, 150)), {"folds": 0}, "50 training series: --validation-fraction 0.1 holds out none"),
        ([1, 2], {"model": "reference"}, "2 training series: --validation-fraction 0.2 holds out none"),
        ([1, 2], {"model": "reference-perceptron"}, "2 training series: --validation-fraction 0.2 holds out"),
    ],
)
def test_too_few_series_are_refused(
    files: Callable[[Sequence[Any]], dict[str, str]],
    labels: Sequence[Any],
    options: dict[str, Any],
    expected: str,
) -> None:
    """The training file, the number of its series and the option to change are in one line."""
    with pytest.raises(DataError) as caught:
        load_dataset(config_from(files(labels) | options))
    assert str(caught.value).startswith(f"Few_TRAIN.tsv: {expected}")


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ([1, 2, 1, 2], {}),
        ([1, 2], {"folds": 2}),
        ([1, 2] * 6, {"folds": 0}),
        ([1, 2, 1, 2], {"folds": 0, "validation_fraction": 0.5}),
        ([1] * 7 + [2], {"folds": 0}),
    ],
)
def test_just_enough_series_are_taken(
    files: Callable[[Sequence[Any]], dict[str, str]], labels: Sequence[Any], options: dict[str, Any]
) -> None:
    """One series per fold, or a single held-out series, is enough."""
    assert len(load_dataset(config_from(files(labels) | options)).train) == len(labels)


def test_the_job_reports_it_in_one_line(
    files: Callable[[Sequence[Any]], dict[str, str]], tmp_path: Path
) -> None:
    """Three series end the job with one line and exit code 1, before a folder is created."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in files([1, 2, 1]).items()]
    places = [f"--out={tmp_path / 'out'}", f"--runs={tmp_path / 'runs'}"]
    command = [sys.executable, "-m", "training", *options, *places, "--folds=0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "error: Few_TRAIN.tsv: 3 training series: --validation-fraction 0.1 holds out none"
    )
    assert not (tmp_path / "runs").exists()


def test_a_limit_takes_fewer_training_series(
    wave_dataset: Dataset, tiny: Callable[..., TrainingConfig]
) -> None:
    """A limit keeps that many training series with their targets, and all test series."""
    few = limit_dataset(wave_dataset, tiny(limit=10))
    assert len(few.train) == len(few.train_targets) == 10
    places = [int(np.flatnonzero((wave_dataset.train == row).all(axis=1))[0]) for row in few.train]
    np.testing.assert_array_equal(few.train_targets, wave_dataset.train_targets[places])
    assert few.test is wave_dataset.test
    assert limit_dataset(wave_dataset, tiny(limit=48)) is wave_dataset
