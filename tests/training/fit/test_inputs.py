"""What fits are made from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from training.config import TrainingConfig
from training.data.augment import LabelledSeries
from training.data.ucr import Dataset
from training.fit.distillation import Distillation
from training.fit.inputs import FitInputs, assign_folds, choose_tokens, expected_views

Tiny = Callable[..., TrainingConfig]


def test_folds_have_each_class_evenly() -> None:
    """Each class is spread evenly over the folds, small classes too; the seed decides."""
    targets = np.array([0] * 41 + [1] * 20 + [2] * 2 + [3])
    fold = assign_folds(targets, folds=4, seed=1)
    for target in range(4):
        counts = np.bincount(fold[targets == target], minlength=4)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(fold, minlength=4)) <= 2
    np.testing.assert_array_equal(assign_folds(targets, folds=4, seed=1), fold)
    assert not np.array_equal(assign_folds(targets, folds=4, seed=2), fold)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"tokens": "spectrum"}, Distillation),
        ({"tokens": "time"}, LabelledSeries),
        ({"model": "reference-perceptron", "folds": 0}, LabelledSeries),
    ],
)
def test_a_model_takes_what_it_is_fitted_to(
    tiny: Tiny, wave_dataset: Dataset, options: dict[str, Any], kind: type
) -> None:
    """A task's model takes its training and validation inputs, and gives an output for each class."""
    fit_inputs = FitInputs(wave_dataset, tiny(**options))
    task = fit_inputs.task(np.arange(24))
    assert isinstance(task.source, kind)
    inputs, wanted = task.source.epoch(0)
    assert task.model(inputs[:3]).shape == wanted[:3].shape == (3, 2)
    held_out, targets = fit_inputs.validation_data(np.array([1, 3]))
    assert task.model(held_out).shape == targets.shape
    np.testing.assert_array_equal(targets[:2], np.eye(2)[wave_dataset.train_targets[[1, 3]]])


def test_held_out_series_count_as_stored_and_rounded(tiny: Tiny, wave_dataset: Dataset) -> None:
    """Validation uses both views, or only the stored one if training does not round."""
    rows = np.arange(5)
    series = wave_dataset.train[rows]
    both, _ = FitInputs(wave_dataset, tiny(tokens="time")).validation_data(rows)
    np.testing.assert_allclose(both[:5, :, 0], series, atol=1e-5)
    np.testing.assert_allclose(both[5:, :, 0], np.round(series, 2), atol=1e-5)
    one, _ = FitInputs(wave_dataset, tiny(tokens="time", rounding=0.0)).validation_data(rows)
    assert len(one) == 5
    stored, rounded = expected_views(series)
    np.testing.assert_array_equal(stored, series)
    np.testing.assert_array_equal(rounded, np.round(series, 2))


def test_all_of_the_sealed_models_weights_are_counted(
    tiny: Tiny, wave_dataset: Dataset, untrained: Callable[..., Any]
) -> None:
    """The count equals that of the sealed model."""
    config = tiny()
    fit_inputs = FitInputs(wave_dataset, config)
    model = untrained(config, wave_dataset)
    assert fit_inputs.parameters(fit_inputs.task(np.arange(48)).model) == model.count_params()


def test_tokens_are_chosen_by_cross_validation(tiny: Tiny, wave_dataset: Dataset) -> None:
    """Frequencies at random phase select spectrum tokens; the position of a bump selects time tokens."""
    assert choose_tokens(FitInputs(wave_dataset, tiny()))[0] == "spectrum"
    random = np.random.default_rng(0)
    bumps = random.standard_normal(wave_dataset.train.shape) * 0.3
    for row, target in zip(bumps, wave_dataset.train_targets, strict=True):
        row[10 + 38 * target :][:6] += 3  # at places that mirror each other
    chosen, scores = choose_tokens(FitInputs(dataclasses.replace(wave_dataset, train=bumps), tiny()))
    assert chosen == "time"
    assert scores["time"] > scores["spectrum"]
