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
from training.fit.inputs import FitInputs, choose_tokens, fold_of, known_views

Tiny = Callable[..., TrainingConfig]


def test_folds_deal_out_every_class_evenly() -> None:
    """Each class is spread over the folds as evenly as it goes, small classes too, the same for a seed."""
    targets = np.array([0] * 41 + [1] * 20 + [2] * 2 + [3])
    fold = fold_of(targets, folds=4, seed=1)
    for target in range(4):
        counts = np.bincount(fold[targets == target], minlength=4)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(fold, minlength=4)) <= 2
    np.testing.assert_array_equal(fold_of(targets, folds=4, seed=1), fold)
    assert not np.array_equal(fold_of(targets, folds=4, seed=2), fold)


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
    """A task's model takes its course's inputs and those of held-out series, and answers for each class."""
    material = FitInputs(wave_dataset, tiny(**options))
    task = material.task(np.arange(24))
    assert isinstance(task.course, kind)
    inputs, wanted = task.course.epoch(0)
    assert task.model(inputs[:3]).shape == wanted[:3].shape == (3, 2)
    held_out, targets = material.held_out(np.array([1, 3]))
    assert task.model(held_out).shape == targets.shape
    np.testing.assert_array_equal(targets[:2], np.eye(2)[wave_dataset.train_targets[[1, 3]]])


def test_held_out_series_count_as_stored_and_rounded(tiny: Tiny, wave_dataset: Dataset) -> None:
    """Both views are validated on, unless the recipe has no rounding."""
    rows = np.arange(5)
    series = wave_dataset.train[rows]
    both, _ = FitInputs(wave_dataset, tiny(tokens="time")).held_out(rows)
    np.testing.assert_allclose(both[:5, :, 0], series, atol=1e-5)
    np.testing.assert_allclose(both[5:, :, 0], np.round(series, 2), atol=1e-5)
    one, _ = FitInputs(wave_dataset, tiny(tokens="time", rounding=0.0)).held_out(rows)
    assert len(one) == 5
    stored, rounded = known_views(series)
    np.testing.assert_array_equal(stored, series)
    np.testing.assert_array_equal(rounded, np.round(series, 2))


def test_all_of_the_sealed_models_weights_are_counted(
    tiny: Tiny, wave_dataset: Dataset, untrained: Callable[..., Any]
) -> None:
    """The count before sealing is that of the sealed model."""
    config = tiny()
    material = FitInputs(wave_dataset, config)
    model = untrained(config, wave_dataset)
    assert material.parameters(material.task(np.arange(48)).model) == model.count_params()


def test_tokens_are_chosen_by_what_tells_the_classes_apart(tiny: Tiny, wave_dataset: Dataset) -> None:
    """Waves of any phase are told apart by their spectrum; a bump at a place by its time."""
    assert choose_tokens(FitInputs(wave_dataset, tiny()))[0] == "spectrum"
    random = np.random.default_rng(0)
    bumps = random.standard_normal(wave_dataset.train.shape) * 0.3
    for row, target in zip(bumps, wave_dataset.train_targets, strict=True):
        row[10 + 38 * target :][:6] += 3  # at places that mirror each other
    chosen, scores = choose_tokens(FitInputs(dataclasses.replace(wave_dataset, train=bumps), tiny()))
    assert chosen == "time"
    assert scores["time"] > scores["spectrum"]
