"""Export to OpenVINO, and run a sealed model on each runtime from its files."""

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
from training.model.embedding import EMBEDDING
from training.model.sealed import INPUT_NAME, NOVELTY, PROBABILITIES

GRAPH_FILES = ("openvino.xml", "openvino.bin")
# Measured differences of outputs between runtimes must be so many times smaller than the tolerance, for
# other machines.
MARGIN = 10.0


def save_openvino(model: Any, folder: Path) -> tuple[str, ...]:
    """Write the model as an OpenVINO graph with float32 weights; return the file names, the graph first.

    Raises:
        StorageError: they cannot be written.
    """
    graph, path = simplify(convert(model)), folder / GRAPH_FILES[0]
    _keep_as_tensor(graph, EMBEDDING)
    with storage_errors(path, RuntimeError):
        openvino.save_model(graph, path, compress_to_fp16=False)
    return GRAPH_FILES


def convert(model: Any) -> openvino.Model:
    """Convert a Keras model with OpenVINO's converter."""
    _, length, channels = model.input_shape
    signature = tf.TensorSpec((None, length, channels), tf.float32, name=INPUT_NAME)

    def outputs(series: Any) -> dict[str, Any]:
        return named(model(series, training=False))

    return convert_model(tf.function(outputs, input_signature=[signature]))


def _keep_as_tensor(graph: openvino.Model, name: str) -> None:
    """Make an output a named tensor inside of the graph: predictions do not compute or copy it as output."""
    for result in list(graph.results):
        if name in result.input_value(0).get_names():
            graph.remove_result(result)


def named(outputs: Any) -> dict[str, Any]:
    """A model's outputs by name; a reference model has a single output, which is no dict."""
    return outputs if isinstance(outputs, dict) else {PROBABILITIES: outputs}


def side_by_side(outputs: dict[str, Any]) -> NDArray[np.float32]:
    """Outputs by name as one array `float32[n, columns]`, in the order of `app.contract.Golden.answers`."""
    parts = [np.asarray(outputs[name]) for name in (PROBABILITIES, NOVELTY) if name in outputs]
    return np.concatenate(parts, axis=1)


def open_keras(path: Path) -> Any:
    """Load the model of a `.keras` file as the service does.

    Raises:
        ArtifactError: Keras refuses the file.
    """
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(f"{path}: cannot be loaded: {reason_of(error)}") from error


def run_keras(path: Path, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs `float32[n, columns]` of a `.keras` file.

    Raises:
        ArtifactError: Keras refuses the file.
    """
    model = open_keras(path)
    return side_by_side(named(model(model_input(series), training=False)))


def run_openvino(path: Path, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs `float32[n, columns]` of an OpenVINO graph.

    The precision is set to float32: on a CPU with bfloat16 units OpenVINO would use bfloat16.
    """
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(model_input(series))
    return side_by_side({name: results[port] for port in compiled.outputs for name in port.get_names()})


def embed_keras(path: Path, series: NDArray[np.float32], output: str) -> NDArray[np.float32]:
    """An extra output `float32[n, dimension]` of a `.keras` file; raises as `run_keras` does."""
    outputs = named(open_keras(path)(model_input(series), training=False))
    return np.asarray(outputs[output])


def embed_openvino(path: Path, series: NDArray[np.float32], tensor: str) -> NDArray[np.float32]:
    """A tensor `float32[n, dimension]` inside of an OpenVINO graph."""
    core = openvino.Core()
    graph = core.read_model(path)
    graph.add_outputs(tensor)
    compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(model_input(series))[compiled.output(tensor)])


def largest_difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The largest absolute difference of an output."""
    return float(np.abs(one - other).max())
