"""The sealed model on each runtime: derive OpenVINO's graph, and run both from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino
import tensorflow as tf
from numpy.typing import NDArray
from openvino.tools.ovc import convert_model

from app.contract import reason_of
from app.errors import ArtifactError
from app.series.spec import model_input
from training.artifact.graph import simplify
from training.files.write_errors import storage_errors
from training.model.sealed import INPUT_NAME, NOVELTY, PROBABILITIES

GRAPH_FILES = ("openvino.xml", "openvino.bin")


def save_openvino(model: Any, folder: Path) -> tuple[str, ...]:
    """Write the model as an OpenVINO graph with float32 weights; the names of its files, the graph first.

    Raises:
        StorageError: they cannot be written.
    """
    graph, path = simplify(convert(model)), folder / GRAPH_FILES[0]
    with storage_errors(path, RuntimeError):
        openvino.save_model(graph, path, compress_to_fp16=False)
    return GRAPH_FILES


def convert(model: Any) -> openvino.Model:
    """The model as OpenVINO's converter writes it."""
    _, length, channels = model.input_shape
    signature = tf.TensorSpec((None, length, channels), tf.float32, name=INPUT_NAME)

    def answer(series: Any) -> dict[str, Any]:
        return named(model(series, training=False))

    return convert_model(tf.function(answer, input_signature=[signature]))


def named(outputs: Any) -> dict[str, Any]:
    """A model's outputs by name; a model to compare with has one, which is no dict."""
    return outputs if isinstance(outputs, dict) else {PROBABILITIES: outputs}


def side_by_side(outputs: dict[str, Any]) -> NDArray[np.float32]:
    """Outputs by name as one array `float32[n, columns]`, in the order of `app.contract.Golden.answers`."""
    parts = [np.asarray(outputs[name]) for name in (PROBABILITIES, NOVELTY) if name in outputs]
    return np.concatenate(parts, axis=1)


def open_keras(path: Path) -> Any:
    """The model of a `.keras` file, opened as the service opens it.

    Raises:
        ArtifactError: Keras refuses the file.
    """
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(f"{path}: cannot be loaded: {reason_of(error)}") from error


def run_keras(path: Path, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answers `float32[n, columns]` from a `.keras` file.

    Raises:
        ArtifactError: Keras refuses the file.
    """
    model = open_keras(path)
    return side_by_side(named(model(model_input(series), training=False)))


def run_openvino(path: Path, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answers `float32[n, columns]` from an OpenVINO graph.

    Precision is pinned: on a CPU with bfloat16 units OpenVINO would compute in that by itself.
    """
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answers = compiled(model_input(series))
    return side_by_side({name: answers[port] for port in compiled.outputs for name in port.get_names()})


def largest_difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The largest absolute difference of an answer."""
    return float(np.abs(one - other).max())
