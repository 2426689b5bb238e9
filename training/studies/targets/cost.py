"""Inference time of the sealed OpenVINO graph on this machine."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
import openvino

ROUNDS, CALLS, WARM_UP = 10, 100, 20
BATCH_SIZE = 32


def milliseconds_per_call(graph: Path, series: np.ndarray) -> float:
    """Median time of one call with a fixed batch on one thread, in milliseconds; the lowest of all rounds.

    Args:
        graph: OpenVINO's `.xml` file.
        series: `float32[n, length]`; the first `BATCH_SIZE` of them, or repetitions, are the batch.
    """
    core = openvino.Core()
    model = core.read_model(graph)
    batch = np.resize(series, (BATCH_SIZE, series.shape[1]))[..., np.newaxis]
    model.reshape(list(batch.shape))
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", options).create_infer_request()
    for _ in range(WARM_UP):
        request.infer([batch])
    # Other programs only make a call slower.
    return min(statistics.median(_timed(request, batch) for _ in range(CALLS)) for _ in range(ROUNDS))


def _timed(request: openvino.InferRequest, batch: np.ndarray) -> float:
    started = time.perf_counter()
    request.infer([batch])
    return 1000 * (time.perf_counter() - started)
