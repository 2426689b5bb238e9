"""The result of all fits of a run, which is evaluated, reported and sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.contract import DriftReference, Trust
from training.fit.checkpoint import RunState
from training.fit.cross_validation import PartialFit


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The model and the figures from fitting it.

    Attributes:
        model: the model to seal.
        trust: None for a reference model.
        temperature: divides the logits; 1 for a reference model.
        states: of the final fit, then of the folds' fits.
        held_out_accuracy: accuracy on held-out training series; None for a reference model.
        last: the last fit to all training series but some; None for a reference model.
        votes: view to number of neighbours to the share of held-out series whose nearest series have mostly
            the true class; None for a reference model.
        drift: sums over held-out training series; None for a reference model.
    """

    model: Any
    trust: Trust | None
    temperature: float
    states: tuple[RunState, ...]
    held_out_accuracy: float | None
    last: PartialFit | None = None
    votes: Mapping[str, Mapping[int, float]] | None = None
    drift: DriftReference | None = None
