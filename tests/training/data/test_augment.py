"""What the epochs are fitted to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.data.augment import MAX_REPEATS, NOISE_RANGE, LabelledSeries

SERIES = np.random.default_rng(0).standard_normal((200, 64))
TARGETS = np.eye(2)[np.arange(200) % 2]

Tiny = Callable[..., TrainingConfig]
Epoch = tuple[NDArray[np.float32], NDArray[np.float32]]


def epoch_of(config: TrainingConfig, epoch: int = 0) -> Epoch:
    """An epoch of the series above."""
    return LabelledSeries(SERIES, TARGETS, config).epoch(epoch)


def test_an_epoch_depends_on_its_number_and_seed_alone(tiny: Tiny) -> None:
    """The same epoch and seed give the same data; another epoch or seed gives other data."""
    first, again = (epoch_of(tiny(), 3) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], epoch_of(tiny(), 4)[0])
    assert not np.array_equal(first[0], epoch_of(tiny(seed=2), 3)[0])


def test_without_augmentation_an_epoch_is_a_shuffle(tiny: Tiny) -> None:
    """With all fractions 0, an epoch has each series once, unchanged, with its target."""
    series, targets = epoch_of(tiny(mixing=0.0, rounding=0.0, noise=0.0))
    order = [int(np.argmin(np.abs(SERIES - row[:, 0]).sum(axis=1))) for row in series]
    assert sorted(order) == list(range(200))
    assert order != sorted(order)
    np.testing.assert_array_equal(series[..., 0], SERIES[order].astype(np.float32))
    np.testing.assert_array_equal(targets, TARGETS[order])


def test_few_series_are_repeated(tiny: Tiny) -> None:
    """A training set smaller than `epoch_size` is repeated, each series equally often."""
    few = LabelledSeries(SERIES[:30], TARGETS[:30], tiny(mixing=0.0, rounding=0.0, noise=0.0, epoch_size=100))
    series, _ = few.epoch(0)
    assert len(series) == few.size == 120
    tiny_set = LabelledSeries(SERIES[:2], TARGETS[:2], tiny(epoch_size=1000))
    assert tiny_set.size == 2 * MAX_REPEATS
    assert np.unique(series[:, 0, 0], return_counts=True)[1].tolist() == [4] * 30


def test_rounding_is_to_two_decimals(tiny: Tiny) -> None:
    """The configured fraction of series has two decimals, after any other augmentation."""
    series, _ = epoch_of(tiny(rounding=0.5))
    rounded = np.abs(series * 100 - np.round(series * 100)).max(axis=(1, 2)) < 1e-3
    assert 0.35 < rounded.mean() < 0.65


def test_mixing_keeps_targets_in_step(tiny: Tiny) -> None:
    """Mixed targets sum to 1 and keep at least half of the first series' class."""
    _, targets = epoch_of(tiny(mixing=1.0))
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert (targets.max(axis=1) >= 0.5).all()
    assert (targets.max(axis=1) < 1).any()


def test_noise_has_the_stated_size(tiny: Tiny) -> None:
    """The added noise has a deviation within the stated range."""
    silent = LabelledSeries(np.zeros((200, 64)), TARGETS, tiny(mixing=0.0, rounding=0.0, noise=1.0))
    deviations = silent.epoch(0)[0].std(axis=1)
    assert NOISE_RANGE[0] * 0.6 < deviations.min() < NOISE_RANGE[0] * 2
    assert NOISE_RANGE[1] * 0.5 < deviations.max() < NOISE_RANGE[1] * 1.4
