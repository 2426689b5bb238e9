"""Graphs of models with several channels: what is known is rewritten, and all else stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.training.artifact.graphs import answers, keras_answers, operations
from tests.training.report.reports import a_config
from training.artifact.export import convert
from training.artifact.graph import simplify
from training.model.normalise import z_normalise
from training.model.spectrum import log_spectra

LENGTH, CHANNELS = 200, 3


def side_by_side(series: Any) -> Any:
    """The spectra of all channels from one layer, which concatenates them."""
    layer = layers.STFTSpectrogram(
        mode="psd", frame_length=32, frame_step=8, fft_length=32, scaling=None, padding="valid"
    )
    power = layer(series)
    return ops.concatenate([ops.mean(power, axis=1), ops.mean(ops.log(power + 1e-3), axis=1)], axis=1)


def one_by_one(series: Any) -> Any:
    """The spectra of each channel as those of a series of its own."""
    alone = ops.reshape(ops.transpose(series, (0, 2, 1)), (-1, LENGTH, 1))
    spectra = log_spectra(alone, a_config(windows=(32, 50)))
    return ops.reshape(spectra, (-1, CHANNELS * spectra.shape[1]))


def attention(series: Any) -> Any:
    """Attention between time segments of all channels."""
    tokens = layers.Conv1D(8, 20, strides=20)(series)
    normal = layers.LayerNormalization()(tokens)
    return layers.GlobalAveragePooling1D()(tokens + layers.MultiHeadAttention(2, 4)(normal, normal))


def attention_in_each_channel(series: Any) -> Any:
    """Attention with an axis of channels before that of the tokens."""
    tokens = layers.Dense(8)(ops.reshape(ops.transpose(series, (0, 2, 1)), (-1, CHANNELS, 10, 20)))
    normal = layers.LayerNormalization()(tokens)
    mixed = layers.MultiHeadAttention(2, 4, attention_axes=(2,))(normal, normal)
    return ops.mean(tokens + mixed, axis=(1, 2))


@pytest.mark.parametrize(
    ("part", "left"),
    [
        (side_by_side, {"Convolution": 2}),
        (one_by_one, {"Convolution": 0}),
        (attention, {}),
        (attention_in_each_channel, {"MVN": 1}),
    ],
)
def test_the_answers_are_the_same(part: Callable[[Any], Any], left: dict[str, int]) -> None:
    """Outputs agree for each use of the channels, each with its own offset and scale."""
    keras.utils.set_random_seed(0)
    series = keras.Input((LENGTH, CHANNELS), name="series")
    model = keras.Model(series, part(z_normalise(series)))
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:  # a converter leaves out what multiplies by 1 or adds 0
        weight.assign_add(0.05 * random.standard_normal(weight.shape))
    graph = simplify(convert(model))
    found = operations(graph)
    assert {kind: found[kind] for kind in left} == left
    values = random.standard_normal((5, LENGTH, CHANNELS)) * [1, 10, 0.1] + [0, 1000, -5]
    sent = values.astype(np.float32)
    np.testing.assert_allclose(answers(graph, sent), keras_answers(model, sent), atol=1e-3)
