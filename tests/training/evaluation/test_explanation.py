"""`training.evaluation.explanation`: what is measured, and which perturbation is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Curve, Faithfulness
from training.evaluation.accuracy import ModelOutputs
from training.evaluation.explanation import LEAST_SERIES, choose, measure_explanation
from training.evaluation.faithfulness import CALL_ROWS, outputs_of

FREQUENCY = 0.2


def waves(count: int, length: int, *channels: int) -> NDArray[np.float32]:
    """Noise with a wave of one frequency in all channels."""
    random = np.random.default_rng(0)
    steps = np.arange(length).reshape(length, *(1 for _ in channels))
    wave = np.sin(2 * np.pi * FREQUENCY * steps)
    noise = random.standard_normal((count, length, *channels))
    return np.asarray(noise * 0.5 + wave, np.float32)


def by_wave(series: NDArray[np.float32]) -> ModelOutputs:
    """The second class by the amplitude of that frequency in the first channel; unlike if it is loud."""
    first = series if series.ndim == 2 else series[:, :, 0]
    amplitude = np.abs(first @ np.exp(-2j * np.pi * FREQUENCY * np.arange(first.shape[1]))) / first.shape[1]
    second = 1 / (1 + np.exp(-20 * (amplitude - 0.35)))
    probabilities = np.stack([1 - second, second], axis=1).astype(np.float32)
    return ModelOutputs(probabilities, first.std(axis=1).astype(np.float32))


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("length", [60, 9])
def test_all_candidates_are_measured_for_any_shape(channels: tuple[int, ...], length: int) -> None:
    """Short series get fewer regions; several channels have a spectrum each."""
    series = waves(12, length, *channels)
    found = measure_explanation(by_wave, series[:6], series, threshold=2.0, most=5)
    assert found is not None
    sealed = found.perturbations
    assert LEAST_SERIES <= sealed.series <= 5
    assert sealed.time.windows == min(10, length)
    assert sealed.frequency.bands == min(25, length // 2)
    assert len(sealed.median_power) == (channels or (1,))[0]
    assert {part: set(names) for part, names in found.candidates.items()} == {
        "time": {"smooth_window", "interpolated_gap"},
        "frequency": {"band_gain", "band_stop"},
        "cells": {"cell_gain", "cell_stop"},
    }
    assert sealed.cells.faithfulness == found.candidates["cells"][sealed.cells.perturbation]


def test_curves_tell_a_cause() -> None:
    """Removing the wave's band first leaves nothing of the class; removing it last leaves it."""
    series = waves(12, 60)
    found = measure_explanation(by_wave, series[:6], series, threshold=2.0, most=6)
    assert found is not None
    stop = found.candidates["frequency"]["band_stop"]
    assert stop.deletion.most_first < 0.1
    assert stop.deletion.least_first > 0.9
    assert stop.insertion.most_first > 0.8
    assert stop.insertion.least_first < 0.2
    assert stop.unlike == 0


def test_without_a_novelty_no_share_is_unlike() -> None:
    """Reference models have no OOD score; the figures say so, and the choice is by the curves."""
    series = waves(12, 60)

    def predict(values: NDArray[np.float32]) -> ModelOutputs:
        return ModelOutputs(by_wave(values).probabilities, None)

    found = measure_explanation(predict, series[:6], series, threshold=None, most=6)
    assert found is not None
    assert {each.unlike for those in found.candidates.values() for each in those.values()} == {None}
    assert found.perturbations.frequency.perturbation == "band_stop"


@pytest.mark.parametrize(("length", "held_out", "most"), [(7, 6, 5), (60, 0, 5), (60, 6, 0)])
def test_what_cannot_be_measured_is_not(length: int, held_out: int, most: int) -> None:
    """Series that are too short, none held out, or none wanted: sealed without explanations."""
    series = waves(12, length)
    assert measure_explanation(by_wave, series[:held_out], series, threshold=2.0, most=most) is None


def figures(margin: float, unlike: float | None) -> Faithfulness:
    """Figures of a candidate."""
    curve = Curve(most_first=0.8 - margin, random=0.8, least_first=0.9)
    return Faithfulness(deletion=curve, insertion=curve, unlike=unlike, unlike_in_curves=unlike)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ({"a": figures(0.1, 0.2), "b": figures(0.4, 0.9)}, "a"),
        ({"a": figures(0.01, 0.0), "b": figures(0.4, 0.9)}, "b"),
        ({"a": figures(0.1, 0.2), "b": figures(0.4, 0.2)}, "b"),
        ({"a": figures(0.1, None), "b": figures(0.4, None)}, "b"),
        ({"a": figures(0.0, 0.1), "b": figures(0.01, 0.9)}, "b"),
    ],
)
def test_the_choice_stays_in_distribution(candidates: dict[str, Faithfulness], chosen: str) -> None:
    """Fewest variants unlike the data, among those that tell something; without a score, what tells most."""
    assert choose(candidates) == chosen


def test_outputs_are_computed_in_calls_of_one_size() -> None:
    """TensorFlow compiles a graph for each."""
    sizes = []

    def predict(series: NDArray[np.float32]) -> ModelOutputs:
        sizes.append(len(series))
        return by_wave(series)

    series = waves(CALL_ROWS + 3, 10)
    found = outputs_of(predict, series)
    assert sizes == [CALL_ROWS] * 2
    np.testing.assert_array_equal(found.probabilities, by_wave(series).probabilities)
    assert found.novelty is not None
    assert len(found.novelty) == CALL_ROWS + 3
