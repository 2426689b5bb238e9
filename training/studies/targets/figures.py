"""What an artifact is measured to be, whatever the targets are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.accuracy import Evaluation
from training.evaluation.trust import TrustEvaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """An artifact's figures.

    Attributes:
        evaluation: of the test series, measured anew.
        trust: the same; None for an artifact without trust.
        resamples: view to mean accuracy over resamples, as sealed; None if there were none.
        resample_count: how many those were.
        training_seconds: as sealed.
        parameters: number of weights.
        milliseconds: median of one call of OpenVINO's graph; None without such a graph.
    """

    evaluation: Evaluation
    trust: TrustEvaluation | None
    resamples: Mapping[str, float] | None
    resample_count: int
    training_seconds: float
    parameters: int
    milliseconds: float | None
