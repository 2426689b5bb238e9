"""Fits to all series, and to all but a fold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.training.conftest import TINY, make_dataset
from training.config import TrainingConfig, config_from
from training.data.ucr import Dataset
from training.fit.checkpoint import STATE_FILE, RunState
from training.fit.cross_validation import HeldOut, Progress, close_runs, cross_fit, fit_all, hold_out
from training.fit.inputs import FitInputs

Tiny = Callable[..., TrainingConfig]


class CrossFit(NamedTuple):
    """What `cross_fit` returned and logged, and its arguments."""

    held_out: HeldOut
    states: list[RunState]
    lines: list[str]
    fit_inputs: FitInputs
    folder: Path


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> CrossFit:
    """Fits to all but each of two folds."""
    fit_inputs, folder = FitInputs(make_dataset(classes=2), config_from(TINY)), tmp_path_factory.mktemp("run")
    lines: list[str] = []
    held_out, states = cross_fit(fit_inputs, folder=folder, fingerprint={}, progress=Progress(lines.append))
    return CrossFit(held_out, states, lines, fit_inputs, folder)


def test_every_series_is_predicted_by_a_model_not_fitted_to_it(crossed: CrossFit) -> None:
    """Each series is there once in each view, with its own target; each fold has a training curve."""
    held_out, states, lines, *_ = crossed
    assert held_out.logits.shape == (2 * 48, 2)
    assert held_out.novelty.shape == held_out.targets.shape == (2 * 48,)
    assert np.bincount(held_out.targets).tolist() == [48, 48]
    assert [state.epochs for state in states] == [2, 2]
    assert all("val_loss" in entry for state in states for entry in state.history)
    fold_lines = [line for line in lines if line.startswith("fold")]
    assert fold_lines == [f"fold {i} of 2: fitting 24 series, 24 held out" for i in (1, 2)]


def test_a_finished_fit_is_not_repeated(crossed: CrossFit) -> None:
    """A repeated call gives the same outputs without an epoch, until the states are deleted."""
    lines: list[str] = []
    again, _ = cross_fit(
        crossed.fit_inputs, folder=crossed.folder, fingerprint={}, progress=Progress(lines.append)
    )
    assert not [line for line in lines if line.startswith("epoch")]
    np.testing.assert_array_equal(crossed.held_out.logits, again.logits)
    close_runs(crossed.folder)
    assert not list(crossed.folder.rglob(STATE_FILE))


def test_the_final_fit_has_all_series_and_no_validation(
    tiny: Tiny, wave_dataset: Dataset, tmp_path: Path
) -> None:
    """The final fit has no validation loss and keeps its last weights."""
    fitted = fit_all(
        FitInputs(wave_dataset, tiny()), folder=tmp_path, fingerprint={}, progress=Progress(lambda _: None)
    )
    assert all("val_loss" not in entry for entry in fitted.state.history)
    assert fitted.state.best_epoch == fitted.state.epochs == 2


def test_without_folds_a_share_is_held_out(tiny: Tiny, wave_dataset: Dataset, tmp_path: Path) -> None:
    """The held-out fraction selects the weights and measures trust; a reference model has no trust."""
    progress = Progress(lambda _: None)
    config = tiny(folds=0, validation_fraction=0.25)
    fitted, held_out = hold_out(
        FitInputs(wave_dataset, config), folder=tmp_path / "a", fingerprint={}, progress=progress
    )
    assert held_out is not None
    assert held_out.logits.shape == (2 * 12, 2)
    assert "val_loss" in fitted.state.best_entry
    reference = FitInputs(wave_dataset, tiny(folds=0, model="reference-perceptron"))
    _, nothing = hold_out(reference, folder=tmp_path / "b", fingerprint={}, progress=progress)
    assert nothing is None
