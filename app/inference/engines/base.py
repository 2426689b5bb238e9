"""The engine protocol: one blocking call on a batch of any size up to a maximum.

An engine is called from one thread at a time. Its file imports its runtime only when an engine is made.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract, Golden
from app.errors import ArtifactError
from app.series.spec import SeriesSpec


class Output(NamedTuple):
    """An output of a model: its name, and its values a series."""

    name: str
    width: int


def prediction_outputs(contract: Contract) -> tuple[Output, ...]:
    """The outputs of predictions: `Contract.outputs`, with their widths."""
    widths = (contract.classes, 1)
    return tuple(Output(name, width) for name, width in zip(contract.outputs, widths, strict=False))


class Engine(Protocol):
    """A loaded model on a runtime.

    Attributes:
        name: the runtime, as the setting `ENGINE` calls it.
        description: the runtime, its version, device and graph, for people.
        batch_sizes: numbers of rows with a compiled graph, ascending.
    """

    name: str
    description: str
    batch_sizes: tuple[int, ...]

    def predict(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute outputs `float32[n, columns]` for series `float32[n, *SeriesSpec.shape]`.

        The columns are the model's outputs side by side: the probabilities of the classes and, if the
        contract has trust, the novelty (`Contract.columns`). An engine for an embedding has that alone.
        """
        ...


def powers(base: int, max_rows: int) -> tuple[int, ...]:
    """Batch sizes to compile: powers of `base` below `max_rows`, and `max_rows` itself.

    Runtimes compile or tune for every new shape (TensorFlow retraces, OpenVINO is 1.6 times as fast
    with a static shape), so few sizes, compiled and warmed before traffic, are faster than arbitrary ones.
    """
    sizes = [1]
    while sizes[-1] < max_rows:
        sizes.append(min(sizes[-1] * base, max_rows))
    return tuple(sizes)


def any_series(rows: int, spec: SeriesSpec) -> NDArray[np.float32]:
    """Distinct series `float32[rows, *spec.shape]` to try an engine with.

    Sine waves: importing NumPy's random numbers would cost megabytes of memory.
    """
    return np.sin(np.arange(rows * spec.values, dtype=np.float32)).reshape(rows, *spec.shape)


def warm(engine: Engine, spec: SeriesSpec) -> None:
    """Run every batch size once: the first call of a size may compile."""
    series = any_series(engine.batch_sizes[-1], spec)
    for size in engine.batch_sizes:
        engine.predict(series[:size])


def verify(engine: Engine, golden: Golden, *, tolerance: float) -> None:
    """Check that an engine reproduces the golden answers, alone and as a batch.

    Raises:
        ArtifactError: an answer differs by more than the tolerance, or has the wrong shape.
    """
    rows = min(len(golden.series), engine.batch_sizes[-1])
    series, expected = golden.series[:rows], golden.answers[:rows]
    alone = np.concatenate([engine.predict(series[i : i + 1]) for i in range(rows)])
    for how, answer in (("alone", alone), ("in a batch", engine.predict(series))):
        if answer.shape != expected.shape:
            raise ArtifactError(
                f"golden answers {how} on {engine.name}: shape {answer.shape}, expected {expected.shape}"
            )
        difference = float(np.max(np.abs(answer - expected)))
        if not difference <= tolerance:  # also false for NaN
            raise ArtifactError(
                f"golden answers {how} on {engine.name} differ by {difference:.2g}; "
                f"the contract allows {tolerance:.2g}"
            )
