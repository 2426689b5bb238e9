"""Computes the explanations of one request, a chunk at a time, on the engine's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import EngineError
from app.inference.explanation.results import Explanations, Part, Regions
from app.inference.explanation.variants import CELLS, FREQUENCY, TIME, Piece
from app.series.perturbations import Edges, Perturbation, log_odds, single_regions

Series = NDArray[np.float32]


class _Changes(NamedTuple):
    """What each variant of a part does, `float32[n, regions]`."""

    changes: NDArray[np.float32]
    importances: NDArray[np.float32]


class Computation:
    """The explanations of n series.

    Its chunks run one after the other, in order: the first ones have the series themselves, whose predictions
    are the targets. It keeps three numbers a variant and no variant.

    Args:
        series: `float32[n, *SeriesSpec.shape]`.
        perturbations: of each part.
        target: index of the class to explain; None for each series' predicted one.
        classes: number of classes.
        most_novelty: above it, a variant is unlike the training data; None if the engine has no such column.
        predict: the engine.
    """

    def __init__(
        self,
        series: Series,
        perturbations: Mapping[str, Perturbation],
        *,
        target: int | None,
        classes: int,
        most_novelty: float | None,
        predict: Callable[[Series], NDArray[np.float32]],
    ) -> None:
        count = len(series)
        self._series = series
        self._perturbations = perturbations
        self._target = target
        self._classes = classes
        self._most_novelty = most_novelty
        self._predict = predict
        self._targets = np.full(count, -1 if target is None else target, np.int64)
        self._probabilities = np.zeros(count, np.float32)
        self._odds = np.zeros(count)
        self._unlike = np.zeros(count, np.int64)
        self._parts = {
            name: _Changes(*(np.zeros((count, each.regions), np.float32) for _ in range(2)))
            for name, each in perturbations.items()
        }

    def run(self, pieces: Sequence[Piece]) -> None:
        """Compute one chunk.

        Raises:
            EngineError: the engine returned the wrong shape, or a number that is not finite.
        """
        rows = [self._variants(piece) for piece in pieces]
        outputs = self._predict(rows[0] if len(rows) == 1 else np.concatenate(rows))
        expected = (sum(map(len, rows)), self._classes + (self._most_novelty is not None))
        if outputs.shape != expected:
            raise EngineError(f"the engine returned shape {list(outputs.shape)}; expected {list(expected)}")
        if not np.isfinite(outputs[:, : self._classes]).all():
            raise EngineError("the engine returned a probability that is not finite for a variant")
        start = 0
        for piece in pieces:
            self._record(piece, outputs[start : start + piece.rows])
            start += piece.rows

    def result(self, *, queued: float, ran: float) -> Explanations:
        """The explanations, after all chunks have run."""
        variants = sum(each.regions for each in self._perturbations.values())
        unlike = np.full(len(self._series), np.nan, np.float32)
        if self._most_novelty is not None:
            unlike = (self._unlike / variants).astype(np.float32)
        return Explanations(
            targets=self._targets,
            probabilities=self._probabilities,
            time=self._part(TIME),
            frequency=self._part(FREQUENCY),
            cells=self._part(CELLS),
            unlike=unlike,
            variants=variants,
            queued=queued,
            ran=ran,
        )

    def _variants(self, piece: Piece) -> Series:
        if piece.part is None:
            return self._series[piece.series : piece.series + 1]
        perturbation = self._perturbations[piece.part]
        chosen = single_regions(perturbation.regions, piece.start, piece.end)
        return perturbation(self._series[piece.series], chosen)

    def _record(self, piece: Piece, outputs: NDArray[np.float32]) -> None:
        probabilities, series = outputs[:, : self._classes], piece.series
        if piece.part is None and self._target is None:
            self._targets[series] = probabilities[0].argmax()
        target = self._targets[series]
        odds = log_odds(probabilities, np.full(len(outputs), target))
        if piece.part is None:
            self._probabilities[series], self._odds[series] = probabilities[0, target], odds[0]
            return
        part, regions = self._parts[piece.part], slice(piece.start, piece.end)
        part.changes[series, regions] = probabilities[:, target] - self._probabilities[series]
        part.importances[series, regions] = self._odds[series] - odds
        if self._most_novelty is not None:
            # The comparison must be false for NaN.
            known = outputs[:, -1] <= self._most_novelty
            self._unlike[series] += len(known) - np.count_nonzero(known)

    def _part(self, name: str) -> Part | None:
        if name not in self._parts:
            return None
        perturbation, part = self._perturbations[name], self._parts[name]

        def by_axis(values: NDArray[np.float32]) -> NDArray[np.float32]:
            """Time before frequency; perturbations number cells by band."""
            shaped = values.reshape(len(values), *perturbation.shape)
            return shaped if shaped.ndim == 2 else np.ascontiguousarray(shaped.swapaxes(1, 2))

        return Part(
            perturbation=perturbation.name,
            time=_regions(perturbation.time),
            frequency=_regions(perturbation.frequency),
            changes=by_axis(part.changes),
            importances=by_axis(part.importances),
        )


def _regions(edges: Edges | None) -> Regions | None:
    return None if edges is None else Regions(edges.starts, edges.ends)
