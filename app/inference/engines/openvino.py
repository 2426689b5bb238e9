"""OpenVINO on the CPU: small to install, quick to start, and the fastest of the CPU runtimes measured.

It runs the graph that training sealed beside `model.keras`. Without one, it converts `model.keras` at start
with Keras on its OpenVINO backend: slower to start, the same predictions, no TensorFlow.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact, reason_of
from app.errors import ArtifactError, EngineError
from app.inference.engines.base import Output, powers, prediction_outputs
from app.inference.engines.keras.file import load_model, output_names, with_outputs
from app.inference.engines.openvino_import import import_openvino
from app.inference.engines.outputs import find_outputs
from app.inference.engines.size_plan import SizePlan
from app.series.spec import model_input
from app.system.affinity import available

# Enough rows for each thread to hide the cost of a call: 256 rows in 8 calls take 2 % longer than in one. The
# graphs for 64, 128 and 256 rows would cost 0.3 s at start and 50 MB.
_ROWS_A_THREAD = 32
# Each graph costs 0.13 s at start and 13 MB, and evicts the others from the CPU's caches.
_STEP = 4


class OpenVINOEngine:
    """One compiled graph for each power of four; a batch runs as the cheapest combination of calls."""

    name = "openvino"

    def __init__(
        self,
        artifact: Artifact,
        *,
        max_rows: int,
        threads: int = 1,
        use_sealed: bool = True,
        outputs: Sequence[Output] | None = None,
    ) -> None:
        """Read and compile the graph.

        Args:
            artifact: an opened artifact.
            max_rows: the largest batch.
            threads: threads that compute one batch; 0 lets OpenVINO choose.
            use_sealed: run the sealed graph if there is one; otherwise make one from `model.keras`.
            outputs: what to compute; None for the outputs of predictions. In a sealed graph, others are
                tensors of these names.

        Raises:
            ArtifactError: `model.keras` is not a file that is safe to open, or the graph lacks an output.
            EngineError: the runtime refuses the graph.
        """
        openvino = import_openvino()
        largest = min(max_rows, _ROWS_A_THREAD * (threads or len(available())))
        # An extra output is asked for rarely: two graphs are enough.
        self.batch_sizes = powers(_STEP if outputs is None else max(2, largest), largest)
        self._plan = SizePlan(self.batch_sizes)
        wanted = prediction_outputs(artifact.contract) if outputs is None else outputs
        self._columns = sum(output.width for output in wanted)
        core = openvino.Core()
        sealed = artifact.derived("openvino") if use_sealed else None
        try:
            if sealed:
                graph_of = _sealed(core, sealed[0], artifact, tensors=outputs)
            else:
                graph_of = _converted(core, artifact, outputs=outputs)
            shape = artifact.contract.input.spec.shape
            self._graphs = {
                size: _Compiled(
                    core.compile_model(graph_of(size), "CPU", _options(threads)), wanted, (size, *shape)
                )
                for size in self.batch_sizes
            }
        except RuntimeError as error:  # OpenVINO has no exceptions of its own
            raise EngineError(f"openvino refuses the graph: {reason_of(error)}") from error
        source = "sealed graph" if sealed else "converted from model.keras"
        version = openvino.__version__.split("-")[0]
        self.description = f"OpenVINO {version} on CPU, {threads or 'all'} thread(s), {source}"

    def predict(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute outputs `float32[n, columns]` for series `float32[n, *SeriesSpec.shape]`."""
        answers = np.empty((len(series), self._columns), np.float32)
        calls, largest = self._plan(len(series)), self.batch_sizes[-1]
        full = calls.count(largest)
        end = full * largest
        if full:
            self._graphs[largest].run(series[:end], answers[:end])
        for size in calls[full:]:
            start, end = end, end + size
            self._graphs[size].run(series[start:end], answers[start:end])
        return answers


class _Compiled:
    """A graph compiled for one number of rows."""

    def __init__(self, compiled: Any, outputs: Sequence[Output], shape: tuple[int, ...]) -> None:
        """Allocate the buffers of one call; shape is that of the input.

        Raises:
            ArtifactError: the graph lacks an output, or it has another shape.
        """
        self._rows = shape[0]
        self._call = partial(_Call, compiled, outputs, shape)
        self._calls = [self._call()]

    def run(self, series: NDArray[np.float32], answers: NDArray[np.float32]) -> None:
        """Compute series `float32[n, *SeriesSpec.shape]` into outputs `float32[n, columns]`.

        All calls are started before the first is awaited, so that the runtime does not need the GIL in
        between, which the event loop holds for milliseconds while it reads a large body.
        """
        parts = [slice(start, start + self._rows) for start in range(0, len(series), self._rows)]
        while len(self._calls) < len(parts):
            self._calls.append(self._call())
        if len(parts) == 1:
            self._calls[0].run(series, answers)
            return
        for call, part in zip(self._calls, parts, strict=False):
            call.begin(series[part])
        for call, part in zip(self._calls, parts, strict=False):
            call.end(answers[part])


class _Call:
    """A call of a compiled graph with its own buffers for input and outputs.

    The runtime reads and writes them in place. Passing arrays in and out costs 60 µs a call, a third of the
    time of one series.
    """

    def __init__(self, compiled: Any, outputs: Sequence[Output], shape: tuple[int, ...]) -> None:
        """Allocate the buffers; shape is that of the input.

        Raises:
            ArtifactError: the graph lacks an output, or it has another shape.
        """
        names = [output.name for output in outputs]
        places = find_outputs(names, [port.names for port in compiled.outputs])
        self._request = compiled.create_infer_request()
        self._input = np.zeros(shape, np.float32)
        self._request.set_input_tensor(_over(model_input(self._input)))
        # The buffer of each output, and its columns.
        self._outputs: list[tuple[slice, NDArray[np.float32]]] = []
        column = 0
        for place, (name, width) in zip(places, outputs, strict=True):
            port, memory = compiled.outputs[place], np.zeros((shape[0], width), np.float32)
            if list(port.shape) != [shape[0], width]:
                raise ArtifactError(f"output {name} is {list(port.shape)[1:]} a series, not {[width]}")
            self._request.set_tensor(port, _over(memory))
            self._outputs.append((slice(column, column + width), memory))
            column += width

    def run(self, series: NDArray[np.float32], answers: NDArray[np.float32]) -> None:
        """Compute series `float32[n, *SeriesSpec.shape]` into outputs `float32[n, columns]`.

        n is at most the graph's rows. Other rows of the buffer are computed too and ignored: rows are
        independent.
        """
        self._input[: len(series)] = series
        self._request.infer(share_outputs=True)
        self._read(answers)

    def begin(self, series: NDArray[np.float32]) -> None:
        """Start a call without waiting; `end` waits."""
        self._input[: len(series)] = series
        self._request.start_async(share_inputs=True)

    def end(self, answers: NDArray[np.float32]) -> None:
        """Wait for the outputs."""
        self._request.wait()
        self._read(answers)

    def _read(self, answers: NDArray[np.float32]) -> None:
        for columns, memory in self._outputs:
            answers[:, columns] = memory[: len(answers)]


def _over(memory: NDArray[np.float32]) -> Any:
    """A tensor that shares an array's memory; the array must outlive it."""
    return import_openvino().Tensor(memory, shared_memory=True)


def _options(threads: int) -> dict[str, Any]:
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # By default all processes would be pinned to the first CPU core.
        "ENABLE_CPU_PINNING": False,
        # On CPUs with AMX the default is bfloat16, which moves probabilities by about 1e-3.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return options


def _sealed(
    core: Any, path: Path, artifact: Artifact, *, tensors: Sequence[Output] | None
) -> Callable[[int], Any]:
    """A function that returns the sealed graph for a number of rows.

    Args:
        core: of OpenVINO.
        path: of the graph.
        artifact: that it belongs to.
        tensors: to make the only outputs; None keeps the outputs.
    """
    graph = core.read_model(path)
    if tensors is not None:
        results = graph.results
        graph.add_outputs([tensor.name for tensor in tensors])
        for result in results:
            graph.remove_result(result)
    spec = artifact.contract.input.spec

    def graph_of(rows: int) -> Any:
        static = graph.clone()
        static.reshape([rows, spec.length, spec.channels])
        return static

    return graph_of


def _converted(core: Any, artifact: Artifact, *, outputs: Sequence[Output] | None) -> Callable[[int], Any]:
    """A function that converts `model.keras` to a graph for a number of rows.

    Args:
        core: of OpenVINO.
        artifact: with the model.
        outputs: the only ones of the graph; None for all of the model.

    Raises:
        ArtifactError: `model.keras` is not a file that is safe to open.
        EngineError: Keras is missing, or runs on another backend.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "openvino"  # read once, when keras is imported
    try:
        import keras
    except ImportError as error:
        raise EngineError(
            f"{artifact.folder} has no usable OpenVINO graph, and converting model.keras needs Keras and "
            f"SciPy: pip install keras scipy, or seal the artifact again ({error})"
        ) from error
    if keras.backend.backend() != "openvino":
        raise EngineError("cannot convert model.keras: Keras already runs on another backend in this process")
    model = load_model(artifact.model_path)
    if outputs is not None:
        model = with_outputs(model, [output.name for output in outputs])
    spec = artifact.contract.input.spec

    def graph_of(rows: int) -> Any:
        # Each number of rows is exported separately (30 ms): Keras writes it into the graph where a layer
        # reshapes.
        signature = keras.InputSpec(shape=(rows, spec.length, spec.channels), dtype="float32")
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model.xml")
            try:
                model.export(path, format="openvino", verbose=False, input_signature=[signature])
                graph = core.read_model(path)
            except Exception as error:  # each unsupported layer raises its own type
                reason = reason_of(error, without=folder)
                raise EngineError(f"{artifact.model_path}: cannot be converted: {reason}") from error
        # Keras exports outputs in its own order and without their names.
        for port, name in zip(graph.outputs, output_names(model), strict=True):
            port.get_tensor().set_names({name})
        return graph

    return graph_of
