"""Answers to several requests from one engine call. It runs on the engine's thread and knows no queue.

Everything that is said of a series is computed here, once a batch: arithmetic on a batch costs a fraction of
the same on each of its requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract
from app.engines import Engine
from app.errors import EngineError
from app.trust import Assessor

Series = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What is said of n series. All but the probabilities is None where the contract has no trust.

    Attributes:
        probabilities: `float32[n, classes]`, as the engine gave them: possibly not finite.
        label_sets: `bool[n, classes]`, which labels are in a series' set.
        ood_scores: `float32[n]`, from 0 (usual) to 1 (unlike the training data); NaN if the novelty is.
        warnings: `bool[n, kinds]`, the columns in the order of `app.trust.warning_kinds`.
    """

    probabilities: NDArray[np.float32]
    label_sets: NDArray[np.bool_] | None = None
    ood_scores: NDArray[np.float32] | None = None
    warnings: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """The number of series."""
        return len(self.probabilities)

    def rows(self, start: int, end: int) -> Predictions:
        """What is said of some of the series; the memory is shared."""
        part = slice(start, end)
        if self.label_sets is None or self.ood_scores is None or self.warnings is None:
            return Predictions(self.probabilities[part])
        return Predictions(
            self.probabilities[part], self.label_sets[part], self.ood_scores[part], self.warnings[part]
        )


class Interpreter:
    """Says what an engine's answers mean by one contract."""

    def __init__(self, contract: Contract) -> None:
        self._classes = contract.classes
        self._columns = contract.columns
        self._assess = Assessor(contract.trust) if contract.trust else None

    def __call__(self, series: Series, answers: NDArray[np.float32]) -> Predictions:
        """What is said of series `float32[n, length]` with answers `float32[n, columns]`.

        Raises:
            EngineError: the answers have another shape.
        """
        if answers.shape != (len(series), self._columns):
            raise EngineError(
                f"the engine answered {list(answers.shape)} instead of {[len(series), self._columns]}"
            )
        if self._assess is None:
            return Predictions(answers)
        assessment = self._assess(series, answers)
        return Predictions(
            answers[:, : self._classes], assessment.label_sets, assessment.ood_scores, assessment.warnings
        )


def predict_batch(engine: Engine, interpret: Interpreter, batch: Sequence[Series]) -> list[Predictions]:
    """One engine call for several requests, and each one's rows of the answer.

    Raises:
        EngineError: the answers have the wrong shape.
    """
    if len(batch) == 1:
        return [interpret(batch[0], engine.predict(batch[0]))]
    series = np.concatenate(batch)
    together = interpret(series, engine.predict(series))
    parts, start = [], 0
    for request in batch:
        parts.append(together.rows(start, start + len(request)))
        start += len(request)
    return parts
