"""The committed model for Triton's Python backend, with the outputs of this server's V2 dialect.

`label_set` and `ood_score` have the right datatypes and shapes only: their values are not compared.
"""

from typing import Any

import numpy as np
import triton_python_backend_utils as triton

from benchmarks.peers.model import Model

LABELS = np.array([b"-1", b"1"], np.object_)


class TritonPythonModel:
    """The model."""

    def initialize(self, _args: dict[str, str]) -> None:
        """Load the graph."""
        self.model = Model()

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response for each request, in order."""
        return [self._answer(triton.get_input_tensor_by_name(request, "series")) for request in requests]

    def _answer(self, tensor: Any) -> Any:
        probabilities = np.ascontiguousarray(self.model(tensor.as_numpy()))
        tensors = [
            triton.Tensor("probabilities", probabilities),
            triton.Tensor("label", LABELS[probabilities.argmax(axis=1)][:, np.newaxis]),
            triton.Tensor("label_set", probabilities > 0.5),
            triton.Tensor("ood_score", np.zeros((len(probabilities), 1), np.float32)),
        ]
        return triton.InferenceResponse(tensors)
