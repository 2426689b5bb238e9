"""Triton's Python backend: the requests of a dynamic batch run as one call."""

from typing import Any

import numpy as np
import triton_python_backend_utils as triton

from benchmarks.peers.apps.joining import run_together
from benchmarks.peers.model import Model


class TritonPythonModel:
    """The model."""

    def initialize(self, _args: dict[str, str]) -> None:
        """Load the graph in each instance's process."""
        self.model = Model()

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response for each request, in order."""
        series = [triton.get_input_tensor_by_name(request, "series").as_numpy() for request in requests]
        return [
            triton.InferenceResponse([triton.Tensor("probabilities", np.ascontiguousarray(answer))])
            for answer in run_together(self.model, series)
        ]
