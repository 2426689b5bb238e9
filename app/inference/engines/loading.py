"""Chooses and loads the engine of an artifact, and verifies it before it is used."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact, Golden, reason_of
from app.contract.neighbours import EmbeddingSpec
from app.errors import AppError, ArtifactError, EngineError
from app.inference.engines.base import Engine, Output, verify, warm
from app.inference.engines.keras.file import check
from app.inference.engines.openvino import OpenVINOEngine
from app.inference.engines.tensorflow import TensorFlowEngine

log = logging.getLogger(__name__)

# Most series in a call of an engine for embeddings, which waits between two batches of predictions.
EMBEDDER_ROWS = 16


def load_engine(artifact: Artifact, *, choice: str = "auto", max_rows: int, threads: int = 1) -> Engine:
    """Load an engine, warm every batch size and verify the golden answers.

    Args:
        artifact: an opened artifact.
        choice: `openvino`, `tensorflow` or `auto`: TensorFlow if it is installed and there is a GPU, else
            OpenVINO.
        max_rows: the largest batch.
        threads: threads that compute one batch on a CPU; 0 lets the runtime choose.

    Raises:
        ArtifactError: the golden answers are not reproduced, or the model file is refused.
        EngineError: the runtime is missing, refuses the graph or fails on it.
    """
    check(artifact.model_path)
    name = choice if choice != "auto" else ("tensorflow" if _gpu_is_usable() else "openvino")
    if name not in _LOADERS:
        raise EngineError(f"unknown engine {name!r}; use one of {', '.join(_LOADERS)}")
    wanted = _Wanted(None, artifact.golden, artifact.contract.output.tolerance, max_rows, threads)
    return _LOADERS[name](artifact, wanted)


def load_embedder(
    artifact: Artifact, spec: EmbeddingSpec, golden: NDArray[np.float32], *, engine: str, threads: int = 1
) -> Engine:
    """Load an engine that computes embeddings, warm it and verify those of the golden series.

    Args:
        artifact: an opened artifact.
        spec: of the embedding.
        golden: embeddings of the golden series, `float32[n, dimension]`, as sealed.
        engine: the runtime that predictions use: `Engine.name`.
        threads: as of `load_engine`.

    Raises:
        ArtifactError: the embeddings are not reproduced, or the model has no such output.
        EngineError: the runtime refuses the graph or fails on it.
    """
    outputs = (Output(spec.output, spec.dimension),)
    expected = Golden(artifact.golden.series, golden)
    wanted = _Wanted(outputs, expected, spec.tolerance, EMBEDDER_ROWS, threads)
    return _LOADERS[engine](artifact, wanted)


class _Wanted(NamedTuple):
    """What an engine has to compute.

    Attributes:
        outputs: None for those of predictions.
        golden: answers to reproduce.
        tolerance: of their values.
        max_rows: the largest batch.
        threads: that compute one batch on a CPU.
    """

    outputs: Sequence[Output] | None
    golden: Golden
    tolerance: float
    max_rows: int
    threads: int


def _tensorflow(artifact: Artifact, wanted: _Wanted) -> Engine:
    return _verified(
        artifact,
        wanted,
        lambda: TensorFlowEngine(
            artifact, max_rows=wanted.max_rows, threads=wanted.threads, outputs=wanted.outputs
        ),
    )


def _openvino(artifact: Artifact, wanted: _Wanted) -> Engine:
    def make(*, use_sealed: bool) -> Engine:
        return OpenVINOEngine(
            artifact,
            max_rows=wanted.max_rows,
            threads=wanted.threads,
            use_sealed=use_sealed,
            outputs=wanted.outputs,
        )

    if artifact.derived("openvino"):
        try:
            return _verified(artifact, wanted, partial(make, use_sealed=True))
        except (ArtifactError, EngineError) as error:
            # The sealed graph only saves time; model.keras can still be served.
            log.warning("sealed graph not used: %s; converting model.keras instead", error)
    return _verified(artifact, wanted, partial(make, use_sealed=False))


# By the values of ENGINE.
_LOADERS: Mapping[str, Callable[[Artifact, _Wanted], Engine]] = {
    "openvino": _openvino,
    "tensorflow": _tensorflow,
}


def _verified(artifact: Artifact, wanted: _Wanted, make: Callable[[], Engine]) -> Engine:
    try:
        engine = make()
        warm(engine, artifact.contract.input.spec)
        verify(engine, wanted.golden, tolerance=wanted.tolerance)
    except AppError:
        raise
    except Exception as error:  # a runtime may raise any exception for a new model
        raise EngineError(f"{artifact.folder}: the model does not run: {reason_of(error)}") from error
    return engine


def _gpu_is_usable() -> bool:
    """Whether TensorFlow is installed and an NVIDIA device exists; does not import TensorFlow."""
    return importlib.util.find_spec("tensorflow") is not None and Path("/dev/nvidiactl").exists()
