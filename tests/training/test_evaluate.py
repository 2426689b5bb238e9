"""Evaluation: right counts on all views of the test set, and the leak."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data import Dataset, read_dataset
from training.evaluate import NOISE, distinct_values, evaluate, measure_leak, views
from training.sources import KNOWN, package_folder


def test_views_are_what_a_client_may_send(wave_dataset: Dataset) -> None:
    """The test set is seen as stored, rounded to 3, 2 and 1 decimals, and with noise of the stated size."""
    test = wave_dataset.test
    seen = views(test)
    assert list(seen) == ["stored", "rounded_3", "rounded_2", "rounded_1", "noise"]
    assert {view.dtype for view in seen.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(seen["stored"], test.astype(np.float32))
    np.testing.assert_array_equal(seen["rounded_2"], np.round(test, 2).astype(np.float32))
    np.testing.assert_array_equal(seen["rounded_3"], np.round(test, 3).astype(np.float32))
    assert (seen["noise"] - test).std() == pytest.approx(NOISE, rel=0.1)


def test_accuracy_confusion_and_loss_are_right(dataset_of: Callable[..., Dataset]) -> None:
    """A predictor that always says class 1 of 3, with probability 0.8, gets the figures it deserves."""
    dataset = dataset_of(classes=3)

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.array([0.1, 0.8, 0.1], np.float32), (len(series), 1))

    evaluation = evaluate(predict, dataset)
    assert evaluation.accuracies == pytest.approx(dict.fromkeys(evaluation.accuracies, 8 / 24))
    assert evaluation.confusion.tolist() == [[0, 8, 0]] * 3
    assert evaluation.loss == pytest.approx(-(np.log(0.8) + 2 * np.log(0.1)) / 3, rel=1e-5)
    assert evaluation.leak is None


def test_a_certain_mistake_has_a_finite_loss(wave_dataset: Dataset) -> None:
    """A probability of zero for the truth does not make the loss infinite."""

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.array([0.0, 1.0], np.float32), (len(series), 1))

    assert np.isfinite(evaluate(predict, wave_dataset).loss)


def test_distinct_values_are_counted() -> None:
    """The count is that of a set, row by row."""
    series = np.random.default_rng(0).integers(0, 9, (20, 12)).astype(np.float64)
    assert distinct_values(series).tolist() == [len(set(row)) for row in series.tolist()]


@pytest.mark.parametrize("coarse", [0, 1])
def test_a_leak_is_found_whichever_class_has_it(wave_dataset: Dataset, coarse: int) -> None:
    """If either class is stored with one decimal, the count alone separates them, and rounding hides it."""

    def store(series: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where((targets == coarse)[:, np.newaxis], np.round(series, 2), series)

    leaking = dataclasses.replace(
        wave_dataset,
        train=store(wave_dataset.train, wave_dataset.train_targets),
        test=store(wave_dataset.test, wave_dataset.test_targets),
    )
    leak = measure_leak(leaking)
    assert leak.stored == 1
    assert leak.rounded < 0.9
    assert leak.ranges[str(1 - coarse)][0] > leak.ranges[str(coarse)][1]


def test_fordas_labels_leak() -> None:
    """Counting the distinct values of FordA's stored series tells its classes apart without a mistake."""
    folder = package_folder()
    assert folder is not None
    train, test = (folder / name for name in KNOWN["FordA"].sha256)
    leak = measure_leak(read_dataset("FordA", train, test, digests={}, remedy=""))
    assert leak.stored == 1
    assert leak.rounded == pytest.approx(0.54, abs=0.02)
    assert leak.ranges == {"-1": (373, 469), "1": (497, 500)}
