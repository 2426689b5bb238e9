"""Evaluation: right counts on all views of the test set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data.normalise import z_normalised
from training.data.ucr import Dataset
from training.evaluation.accuracy import (
    NOISE,
    NOISE_LEVELS,
    ModelOutputs,
    Predict,
    evaluate,
    six_digits,
    views,
    with_noise,
)


def always(probabilities: list[float]) -> Predict:
    """A predictor that gives every series the same probabilities."""

    def predict(series: NDArray[np.float32]) -> ModelOutputs:
        return ModelOutputs(np.tile(np.array(probabilities, np.float32), (len(series), 1)), None)

    return predict


def test_views_are_what_a_client_may_send(wave_dataset: Dataset) -> None:
    """The test set is seen as stored, in five precisions, and with noise of the stated size."""
    test = wave_dataset.test
    seen = views(test)
    names = ["stored", "six_digits", "float16", "rounded_3", "rounded_2", "rounded_1", "noise"]
    assert list(seen) == names
    assert {view.dtype for view in seen.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(seen["stored"], test.astype(np.float32))
    np.testing.assert_array_equal(seen["rounded_2"], np.round(test, 2).astype(np.float32))
    np.testing.assert_array_equal(seen["rounded_3"], np.round(test, 3).astype(np.float32))
    np.testing.assert_array_equal(seen["float16"], test.astype(np.float16).astype(np.float32))
    assert (seen["noise"] - test).std() == pytest.approx(NOISE, rel=0.1)


def test_six_digits_are_those_that_printf_writes() -> None:
    """Values large and small, negative and zero, are rounded as `%.6g` does."""
    values = np.array([[0.0, -0.797171683, 123456.789, 1.0000004e-7, -9.9999999, 2.5]])
    wanted = [float(f"{value:.6g}") for value in values[0]]
    assert six_digits(values)[0].tolist() == pytest.approx(wanted, rel=1e-15)


def test_noise_is_the_same_each_time(wave_dataset: Dataset) -> None:
    """Two models are shown the same noisy series."""
    one, other = (with_noise(wave_dataset.test, 0.2) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_accuracy_confusion_and_loss_are_right(dataset_of: Callable[..., Dataset]) -> None:
    """A predictor that always says class 1 of 3, with probability 0.8, gets the figures it deserves."""
    evaluation = evaluate(always([0.1, 0.8, 0.1]), dataset_of(classes=3))
    assert evaluation.accuracies == pytest.approx(dict.fromkeys(evaluation.accuracies, 8 / 24))
    assert evaluation.noise == pytest.approx(dict.fromkeys(NOISE_LEVELS, 8 / 24))
    assert evaluation.calibration_error["stored"] == pytest.approx(0.8 - 8 / 24)
    assert evaluation.confusion.tolist() == [[0, 8, 0]] * 3
    assert evaluation.loss == pytest.approx(-(np.log(0.8) + 2 * np.log(0.1)) / 3, rel=1e-5)
    assert evaluation.spread == 0
    assert evaluation.rounding_leak is None


def test_the_spread_is_the_largest_change_in_either_direction(wave_dataset: Dataset) -> None:
    """A predictor that is right on all but series with few decimals has a spread of all it loses by them."""
    targets = wave_dataset.test_targets

    def predict(series: NDArray[np.float32]) -> ModelOutputs:
        fine = np.any(np.abs(series - np.round(series, 2)) > 1e-4, axis=1)
        chosen = np.where(fine, targets, 1 - targets)
        return ModelOutputs(np.eye(2, dtype=np.float32)[chosen], None)

    evaluation = evaluate(predict, wave_dataset)
    assert (evaluation.accuracies["stored"], evaluation.accuracies["rounded_2"]) == (1, 0)
    assert evaluation.spread == 1


def test_a_certain_mistake_has_a_finite_loss(wave_dataset: Dataset) -> None:
    """A probability of zero for the truth does not make the loss infinite."""
    assert np.isfinite(evaluate(always([0.0, 1.0]), wave_dataset).loss)


def test_a_large_offset_does_not_change_the_stored_view(wave_dataset: Dataset) -> None:
    """A data set of one's own may be measured from anywhere: what is evaluated is its shape."""
    moved = dataclasses.replace(wave_dataset, test=wave_dataset.test + 1e6)
    plain, shifted = (
        z_normalised(views(data.test)["stored"].astype(np.float64)) for data in (wave_dataset, moved)
    )
    np.testing.assert_allclose(shifted, plain, atol=1e-5)
