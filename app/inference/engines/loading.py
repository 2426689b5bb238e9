"""Chooses and loads the engine of an artifact, and verifies it before it is used."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from app.contract import Artifact, reason_of
from app.errors import AppError, ArtifactError, EngineError
from app.inference.engines.base import Engine, verify, warm
from app.inference.engines.keras.file import check
from app.inference.engines.openvino import OpenVINOEngine
from app.inference.engines.tensorflow import TensorFlowEngine

log = logging.getLogger(__name__)


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
    return _LOADERS[name](artifact, max_rows=max_rows, threads=threads)


def _tensorflow(artifact: Artifact, *, max_rows: int, threads: int) -> Engine:
    return _verified(artifact, lambda: TensorFlowEngine(artifact, max_rows=max_rows, threads=threads))


def _openvino(artifact: Artifact, *, max_rows: int, threads: int) -> Engine:
    if artifact.derived("openvino"):
        try:
            return _verified(artifact, lambda: OpenVINOEngine(artifact, max_rows=max_rows, threads=threads))
        except (ArtifactError, EngineError) as error:
            # The sealed graph only saves time; model.keras can still be served.
            log.warning("sealed graph not used: %s; converting model.keras instead", error)
    return _verified(
        artifact, lambda: OpenVINOEngine(artifact, max_rows=max_rows, threads=threads, use_sealed=False)
    )


# By the values of ENGINE.
_LOADERS: Mapping[str, Callable[..., Engine]] = {"openvino": _openvino, "tensorflow": _tensorflow}


def _verified(artifact: Artifact, make: Callable[[], Engine]) -> Engine:
    contract = artifact.contract
    try:
        engine = make()
        warm(engine, contract.input.spec)
        verify(engine, artifact.golden, tolerance=contract.output.tolerance)
    except AppError:
        raise
    except Exception as error:  # a runtime may raise any exception for a new model
        raise EngineError(f"{artifact.folder}: the model does not run: {reason_of(error)}") from error
    return engine


def _gpu_is_usable() -> bool:
    """Whether TensorFlow is installed and an NVIDIA device exists; does not import TensorFlow."""
    return importlib.util.find_spec("tensorflow") is not None and Path("/dev/nvidiactl").exists()
