"""TensorFlow, for a GPU: the `.keras` file itself, traced once and compiled by XLA for each batch size."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact
from app.errors import EngineError
from app.inference.engines.base import Output, powers
from app.inference.engines.keras.file import load_model, output_names, with_outputs
from app.inference.engines.outputs import find_outputs
from app.series.spec import model_input


class TensorFlowEngine:
    """A `tf.function` of one signature; batches are padded up to the next compiled size."""

    name = "tensorflow"

    def __init__(
        self,
        artifact: Artifact,
        *,
        max_rows: int,
        threads: int = 1,
        outputs: Sequence[Output] | None = None,
    ) -> None:
        """Load `model.keras` on the TensorFlow backend.

        Args:
            artifact: an opened artifact.
            max_rows: the largest batch.
            threads: threads that compute one operation on a CPU; 0 lets TensorFlow choose.
            outputs: what to compute; None for the outputs of predictions.

        Raises:
            ArtifactError: `model.keras` is not a file that is safe to open, or it lacks an output.
            EngineError: Keras already runs on another backend in this process.
        """
        tf = _import_tensorflow(threads)
        import keras

        # An extra output is asked for rarely: two compiled sizes are enough.
        self.batch_sizes = powers(2 if outputs is None else max(2, max_rows), max_rows)
        spec = artifact.contract.input.spec
        self._shape = (spec.length, spec.channels)
        model = load_model(artifact.model_path)
        names = artifact.contract.outputs
        if outputs is not None:
            names = tuple(output.name for output in outputs)
            model = with_outputs(model, names)
        places = find_outputs(names, [[name] for name in output_names(model)])
        signature = tf.TensorSpec([None, *self._shape], tf.float32)

        def infer(series: Any) -> Any:
            outputs = keras.tree.flatten(model(series, training=False))
            # Concatenated in the graph: one array comes back from the device.
            return outputs[places[0]] if len(places) == 1 else tf.concat([outputs[i] for i in places], axis=1)

        # XLA: 0.7 ms instead of 3.4 ms for one series, 8 ms instead of 13 ms for 128, on 2 cores.
        self._infer = tf.function(infer, input_signature=[signature], jit_compile=True, autograph=False)
        gpus = tf.config.list_logical_devices("GPU")
        device = f"{len(gpus)} GPU" if gpus else f"CPU, {threads or 'all'} thread(s)"
        self.description = f"TensorFlow {tf.__version__} on {device}, model.keras, XLA"

    def predict(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute outputs `float32[n, columns]` for series `float32[n, *SeriesSpec.shape]`."""
        rows = len(series)
        size = next(size for size in self.batch_sizes if size >= rows)
        padded = np.zeros((size, *self._shape), dtype=np.float32)
        padded[:rows] = model_input(series)
        return np.asarray(self._infer(padded), dtype=np.float32)[:rows]


def _import_tensorflow(threads: int) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides its notes on instruction sets
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # read once, when keras is imported
    try:
        import keras
        import tensorflow as tf
    except ImportError as error:
        raise EngineError(
            "ENGINE=tensorflow needs TensorFlow; install requirements/gpu.txt or set ENGINE=openvino"
        ) from error
    if keras.backend.backend() != "tensorflow":
        raise EngineError("Keras already runs on another backend in this process; start a new process")
    # TF32 keeps 10 bits of a product; the golden answers need float32.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for gpu in tf.config.list_physical_devices("GPU"):
        # Otherwise TensorFlow takes all of the GPU's memory, and a second worker finds none.
        tf.config.experimental.set_memory_growth(gpu, True)
    # Listing logical devices would start TensorFlow, and threads can be set only before that.
    if threads and not tf.config.list_physical_devices("GPU"):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    return tf
