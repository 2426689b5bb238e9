"""OpenVINO on the CPU: small to install, quick to start, and the fastest of the CPU runtimes measured.

It runs the graph that training sealed beside `model.keras`. Where there is none, it makes one at start from
`model.keras` itself, through Keras on its OpenVINO backend: slower to start, the same answers, no TensorFlow.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact
from app.engines.base import powers_of_two
from app.engines.keras_file import load_model
from app.errors import EngineError


class OpenVINOEngine:
    """One compiled graph for each power of two; a batch runs as the sum of them, so no row is padding."""

    name = "openvino"

    def __init__(
        self, artifact: Artifact, *, max_rows: int, threads: int = 1, use_sealed: bool = True
    ) -> None:
        """Read and compile the graph.

        Args:
            artifact: an opened artifact.
            max_rows: the largest batch.
            threads: threads that compute one batch; 0 lets OpenVINO choose.
            use_sealed: run the sealed graph if there is one; otherwise make one from `model.keras`.

        Raises:
            ArtifactError: `model.keras` is not a file that is safe to open.
            EngineError: the runtime refuses the graph.
        """
        import openvino

        self.batch_sizes = powers_of_two(max_rows)
        self._length = artifact.contract.input.length
        core = openvino.Core()
        sealed = artifact.derived("openvino") if use_sealed else None
        try:
            graph = core.read_model(sealed[0]) if sealed else _convert(core, artifact)
            self._requests = {size: self._compile(core, graph, size, threads) for size in self.batch_sizes}
        except RuntimeError as error:  # OpenVINO has no exceptions of its own
            raise EngineError(f"openvino refuses the graph: {str(error).splitlines()[0]}") from error
        source = "sealed graph" if sealed else "converted from model.keras"
        version = openvino.__version__.split("-")[0]
        self.description = f"OpenVINO {version} on CPU, {threads or 'all'} thread(s), {source}"

    def _compile(self, core: Any, graph: Any, size: int, threads: int) -> Any:
        static = graph.clone()
        static.reshape([size, self._length, 1])
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            # On processors with AMX the default is bfloat16, which moves probabilities by about 1e-3.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        return core.compile_model(static, "CPU", options).create_infer_request()

    def predict(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities `float32[n, classes]` of series `float32[n, length]`."""
        parts = []
        start = 0
        for size in reversed(self.batch_sizes):
            while len(series) - start >= size:
                parts.append(self._run(series[start : start + size]))
                start += size
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _run(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = len(series)
        # share_inputs: the array is read in place. The answer is copied: the next call reuses its buffer.
        outputs = self._requests[rows].infer([series.reshape(rows, self._length, 1)], share_inputs=True)
        return np.array(outputs[0], dtype=np.float32)


def _convert(core: Any, artifact: Artifact) -> Any:
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "openvino"  # read once, when keras is imported
    try:
        import keras
    except ImportError as error:
        raise EngineError(
            f"{artifact.folder} has no OpenVINO graph that can be used, and to make one from model.keras "
            f"needs Keras and SciPy: pip install keras scipy, or seal the artifact anew ({error})"
        ) from error
    if keras.backend.backend() != "openvino":
        raise EngineError("cannot convert model.keras: Keras already runs on another backend in this process")
    model = load_model(artifact.model_path)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.xml")
        model.export(path, format="openvino", verbose=False)
        return core.read_model(path)
