"""Stratified resamples of train and test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.evaluation.resample import VIEWS, resample, resampled_accuracies
from training.fit.cross_validation import Progress


def test_a_resample_has_the_same_sizes_and_other_series(wave_dataset: Dataset) -> None:
    """Parts and classes have their original sizes, no series is lost or doubled, and numbers differ."""
    drawn, again, other = (resample(wave_dataset, number) for number in (1, 1, 2))
    np.testing.assert_array_equal(drawn.train, again.train)
    assert not np.array_equal(drawn.train, other.train)
    assert not np.array_equal(np.sort(drawn.train, axis=0), np.sort(wave_dataset.train, axis=0))
    for part in ("train_targets", "test_targets"):
        assert np.bincount(getattr(drawn, part)).tolist() == np.bincount(getattr(wave_dataset, part)).tolist()
    pooled, original = (
        sorted(row.tobytes() for row in np.concatenate([data.train, data.test]))
        for data in (drawn, wave_dataset)
    )
    assert pooled == original


def test_series_keep_their_class(wave_dataset: Dataset) -> None:
    """Each series has the target that it had before."""
    original = {
        row.tobytes(): target
        for row, target in zip(
            np.concatenate([wave_dataset.train, wave_dataset.test]),
            np.concatenate([wave_dataset.train_targets, wave_dataset.test_targets]),
            strict=True,
        )
    }
    drawn = resample(wave_dataset, 1)
    for row, target in zip(drawn.test, drawn.test_targets, strict=True):
        assert original[row.tobytes()] == target


def test_each_resample_is_fitted_and_measured(
    wave_dataset: Dataset, tiny: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    """There is one result per resample, with an accuracy above chance for both views."""
    config = tiny(resamples=2, epochs=15, learning_rate=0.02)
    results = resampled_accuracies(
        wave_dataset, config, folder=tmp_path, fingerprint={}, progress=Progress(lambda _: None)
    )
    assert [set(result) for result in results] == [set(VIEWS)] * 2
    assert min(result["stored"] for result in results) > 0.8
