"""The sealed model on each runtime: derive OpenVINO's graph, and run both from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino
import tensorflow as tf
from numpy.typing import NDArray

from training.models import INPUT_NAME, OUTPUT_NAME

GRAPH_FILES = ("openvino.xml", "openvino.bin")


def save_openvino(model: Any, folder: Path) -> tuple[str, ...]:
    """Write the model as an OpenVINO graph with float32 weights; the names of its files, the graph first."""
    _, length, channels = model.input_shape
    signature = tf.TensorSpec((None, length, channels), tf.float32, name=INPUT_NAME)

    def answer(series: Any) -> dict[str, Any]:
        return {OUTPUT_NAME: model(series, training=False)}

    graph = openvino.convert_model(tf.function(answer, input_signature=[signature]))
    openvino.save_model(graph, folder / GRAPH_FILES[0], compress_to_fp16=False)
    return GRAPH_FILES


def run_keras(path: Path, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities `float32[n, classes]` from a `.keras` file, opened as the service opens it."""
    model = keras.saving.load_model(path, safe_mode=True, compile=False)
    return np.asarray(model(series[..., np.newaxis], training=False))


def run_openvino(path: Path, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities `float32[n, classes]` from an OpenVINO graph.

    Precision is pinned: on a CPU with bfloat16 units OpenVINO would compute in that by itself.
    """
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(series[..., np.newaxis])[0])


def largest_difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The largest absolute difference of a probability."""
    return float(np.abs(one - other).max())
