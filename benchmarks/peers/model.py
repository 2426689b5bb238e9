"""The sealed graph for every server. It imports only NumPy and OpenVINO, which all environments have.

It works like this server's own engine: graphs compiled for the same numbers of rows, on memory that is
written and read in place, and padding where that is cheaper than another call. So no server
has a slower path to the engine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

OUTPUT = "probabilities"
OPTIONS = {
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": 1,
    "INFERENCE_NUM_THREADS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    # By default all processes would be pinned to the first CPU core.
    "ENABLE_CPU_PINNING": False,
}
MAX_ROWS = 32  # more rows run as several calls, which costs 2 % and starts faster
# Fixed cost of a call with cold caches, as a number of rows.
CALL_IN_ROWS = 5.0


class Model:
    """`float32[n, length]` to `float32[n, classes]`, for any n. It may be called from several threads.

    Args:
        folder: an artifact's version folder; the environment's `MODEL_FOLDER` if not given.
        max_rows: the largest graph.
    """

    def __init__(self, folder: Path | None = None, *, max_rows: int = MAX_ROWS) -> None:
        path = (folder or Path(os.environ["MODEL_FOLDER"])) / "openvino.xml"
        core = openvino.Core()
        graph = core.read_model(path)
        sizes = [1]  # as `app.inference.engines.base.powers`, which these environments cannot import
        while sizes[-1] < max_rows:
            sizes.append(min(4 * sizes[-1], max_rows))
        self._graphs = {size: _Compiled(core, graph, rows=size) for size in sizes}
        self._calls = calls(sizes)
        self._lock = threading.Lock()

    def __call__(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class probabilities, with the cheapest calls."""
        answers = np.empty((len(series), self._graphs[1].classes), np.float32)
        start, largest = 0, len(self._calls)
        with self._lock:
            while start < len(series):
                rows = len(series) - start
                size = largest if rows >= largest else self._calls[rows]
                end = min(start + size, len(series))
                self._graphs[size].run(series[start:end], answers[start:end])
                start = end
        return answers


def calls(sizes: Sequence[int]) -> list[int]:
    """For each number of rows below the largest size, the best size of the first call.

    Fifteen rows take longer as 4 + 4 + 4 + 1 + 1 + 1 than as sixteen, one of them padding.
    """
    costs, first = [0.0], [0]
    for rows in range(1, sizes[-1]):
        cost, negative = min((CALL_IN_ROWS + size + costs[max(0, rows - size)], -size) for size in sizes)
        costs.append(cost)
        first.append(-negative)
    return first


class _Compiled:
    """A graph for one number of rows, with its own memory for input and output."""

    def __init__(self, core: Any, graph: Any, *, rows: int) -> None:
        self.rows = rows
        static = graph.clone()
        length = static.input(0).partial_shape[1].get_length()
        static.reshape([rows, length, 1])
        compiled = core.compile_model(static, "CPU", OPTIONS)
        # The name of an output matters only if there are several.
        output = compiled.output(OUTPUT) if len(compiled.outputs) > 1 else compiled.output(0)
        self.classes = int(output.shape[1])
        self._input = np.zeros((rows, length), np.float32)
        self._output = np.zeros((rows, self.classes), np.float32)
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(openvino.Tensor(self._input[..., np.newaxis], shared_memory=True))
        self._request.set_tensor(output, openvino.Tensor(self._output, shared_memory=True))
        self._request.infer(share_outputs=True)  # the first call of a shape is slower

    def run(self, series: NDArray[np.float32], answers: NDArray[np.float32]) -> None:
        count = len(series)
        self._input[:count] = series
        self._request.infer(share_outputs=True)
        answers[:] = self._output[:count]
