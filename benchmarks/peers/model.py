"""The sealed graph, the same for every server. NumPy and OpenVINO alone, so that all environments import it.

It does what this server's own engine does: graphs compiled for the same numbers of rows, on memory that is
written and read in place, and padding where that is cheaper than another call. So no server is held back by a
slower way to the same engine.
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
    # By default all processes would compute on the machine's first processor.
    "ENABLE_CPU_PINNING": False,
}
MAX_ROWS = 32  # more rows run as several calls, which costs 2 % and makes for a quicker start
# A call costs time beside its rows: as much as so many of them, with cold caches.
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
        """Class probabilities, by the cheapest calls."""
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
    """For each number of rows below the largest size, the size that is best run first.

    Fifteen rows take longer as 4 + 4 + 4 + 1 + 1 + 1 than as sixteen, one of them padding.
    """
    costs, first = [0.0], [0]
    for rows in range(1, sizes[-1]):
        cost, negative = min((CALL_IN_ROWS + size + costs[max(0, rows - size)], -size) for size in sizes)
        costs.append(cost)
        first.append(-negative)
    return first


class _Compiled:
    """A graph for one number of rows, with memory of its own for input and output."""

    def __init__(self, core: Any, graph: Any, *, rows: int) -> None:
        self.rows = rows
        static = graph.clone()
        length = static.input(0).partial_shape[1].get_length()
        static.reshape([rows, length, 1])
        compiled = core.compile_model(static, "CPU", OPTIONS)
        # A graph with one output may call it anything; one with several has to name it.
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
