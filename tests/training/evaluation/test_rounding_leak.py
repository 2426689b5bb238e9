"""What the precision of stored values gives away."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data.sources import KNOWN_DATASETS, package_folder
from training.data.ucr import Dataset, read_dataset
from training.evaluation.rounding_leak import distinct_values, measure_rounding_leak


def test_distinct_values_are_counted() -> None:
    """The count equals the size of the set of values, for each series."""
    series = np.random.default_rng(0).integers(0, 9, (20, 12)).astype(np.float64)
    assert distinct_values(series).tolist() == [len(set(row)) for row in series.tolist()]


@pytest.mark.parametrize("coarse", [0, 1])
def test_a_leak_is_found_whichever_class_has_it(wave_dataset: Dataset, coarse: int) -> None:
    """If either class is stored with two decimals, the count alone separates them, and rounding hides it."""

    def store(series: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where((targets == coarse)[:, np.newaxis], np.round(series, 2), series)

    leaking = dataclasses.replace(
        wave_dataset,
        train=store(wave_dataset.train, wave_dataset.train_targets),
        test=store(wave_dataset.test, wave_dataset.test_targets),
    )
    leak = measure_rounding_leak(leaking)
    assert leak.stored == 1
    assert leak.rounded < 0.9
    assert leak.ranges[str(1 - coarse)][0] > leak.ranges[str(coarse)][1]


def test_fordas_labels_leak() -> None:
    """The number of distinct values predicts the class of each stored FordA test series."""
    folder = package_folder()
    assert folder is not None
    train, test = (folder / name for name in KNOWN_DATASETS["FordA"].sha256)
    leak = measure_rounding_leak(read_dataset("FordA", train, test, digests={}, remedy=""))
    assert leak.stored == 1
    assert leak.rounded == pytest.approx(0.54, abs=0.02)
    assert leak.ranges == {"-1": (373, 469), "1": (497, 500)}
