"""What the tests of graphs share: counting its operations, and running it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from training.artifact.export import side_by_side


def operations(graph: openvino.Model) -> Counter[str]:
    """How many operations of each type a graph has."""
    return Counter(node.get_type_name() for node in graph.get_ordered_ops())


def answers(graph: openvino.Model, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """All outputs as one array, of a graph compiled for any batch size."""
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(inputs)
    return side_by_side({name: found[port] for port in compiled.outputs for name in port.get_names()})


def keras_answers(model: Any, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The one output of a Keras model."""
    return np.asarray(model(inputs, training=False))
