"""Spectra and their means over time, in products of matrices and few logarithms, are those of Keras."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops

from tests.training.artifact.graphs import answers, keras_answers, operations
from tests.training.report.reports import a_config
from training.artifact.export import convert
from training.artifact.graph import spectra
from training.artifact.graph.spectra import LEAST, MOST, group_sizes
from training.model.spectrum import spectra_model

LENGTH = 200


def series_of(count: int) -> np.ndarray:
    """Series `float32[count, LENGTH, 1]`: a peak, a sine, an offset, a constant one, then noise."""
    random = np.random.default_rng(count)
    series = random.standard_normal((count, LENGTH))
    peak = np.zeros(LENGTH)
    peak[LENGTH // 2] = 1
    special = [peak, np.sin(np.arange(LENGTH) * np.pi / 8), series[-1] * 1e3 + 1e6, np.full(LENGTH, 7.0)]
    series[: len(special)] = special[:count]
    return series[..., np.newaxis].astype(np.float32)


@pytest.mark.parametrize(
    "options", [{"windows": (32, 50)}, {"windows": (125,), "hop": 25}, {"windows": (7,)}]
)
def test_the_answers_are_the_same(options: dict[str, Any]) -> None:
    """Outputs agree for any window length and any number and kind of series."""
    model = spectra_model(a_config(**options), LENGTH)
    graph = convert(model)
    before = operations(graph)
    spectra.rewrite(graph)
    found = operations(graph)
    assert before["Convolution"] == 2 * len(options["windows"])
    assert found["Convolution"] == 0
    assert found["MatMul"] == 2 * len(options["windows"])
    for count in (1, 9):
        series = series_of(count)
        np.testing.assert_allclose(answers(graph, series), keras_answers(model, series), atol=1e-3)


def test_a_spectrogram_that_is_read_otherwise_stays() -> None:
    """A spectrogram with another user, such as a maximum, does not match."""
    series = keras.Input((LENGTH, 1))
    layer = layers.STFTSpectrogram(
        mode="psd", frame_length=32, frame_step=8, fft_length=32, scaling=None, padding="valid"
    )
    power = layer(series)
    model = keras.Model(series, ops.concatenate([ops.mean(power, axis=1), ops.max(power, axis=1)], axis=1))
    graph = convert(model)
    spectra.rewrite(graph)
    assert operations(graph)["Convolution"] == 2
    inputs = series_of(5)[[0, 1, 4]]
    np.testing.assert_allclose(answers(graph, inputs), keras_answers(model, inputs), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("floor", "left"), [(1e-3, 0), (-1e-3, 2)])
def test_a_logarithm_of_less_than_nothing_stays(floor: float, left: int) -> None:
    """A negative floor does not match; a positive one does."""
    series = keras.Input((LENGTH, 1))
    power = layers.STFTSpectrogram(
        mode="psd", frame_length=32, frame_step=8, fft_length=32, scaling=None, padding="valid"
    )(series)
    graph = convert(keras.Model(series, ops.mean(ops.log(power + floor), axis=1)))
    spectra.rewrite(graph)
    assert operations(graph)["Convolution"] == left


@given(
    frames=st.integers(1, 500),
    least=st.floats(1e-30, 10.0),
    most=st.floats(1e-3, 1e30),
)
def test_products_of_a_group_stay_normal_numbers(frames: int, least: float, most: float) -> None:
    """Groups cover all frames, are equal and as few as possible, and stay in float32's range."""
    sizes = group_sizes(frames, least=least, most=most)
    assert sum(sizes) == frames
    assert 0 < min(sizes) <= max(sizes) <= min(sizes) + 1
    for number, bound in ((least, math.log(LEAST)), (most, math.log(MOST))):
        assert max(sizes) == 1 or max(sizes) * math.log(number) / bound <= 1 + 1e-9
    assert np.finfo(np.float32).tiny < LEAST < MOST < np.finfo(np.float32).max
    if len(sizes) > 1:
        larger = math.ceil(frames / (len(sizes) - 1))
        assert larger * math.log(most) > math.log(MOST) or larger * math.log(least) < math.log(LEAST)
