"""What the fits of a run leave to be evaluated, reported and sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.contract import Trust
from training.fit.checkpoint import RunState


@dataclass(frozen=True, slots=True)
class Trained:
    """What the fits of a run gave.

    Attributes:
        model: what is sealed.
        trust: None for a model to compare with.
        temperature: what the logits are divided by; 1 for a model to compare with.
        states: of the fit that is kept, and of those to folds.
        held_out: accuracy on training series that were not fitted to, in all known views; None without.
    """

    model: Any
    trust: Trust | None
    temperature: float
    states: tuple[RunState, ...]
    held_out: float | None
