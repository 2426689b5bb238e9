"""Metrics of an artifact that are compared with the targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.accuracy import Evaluation
from training.evaluation.trust import TrustEvaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactMetrics:
    """Metrics of an artifact.

    Attributes:
        evaluation: on the test series, measured again.
        trust: measured again; None for an artifact without trust.
        resamples: view to mean accuracy over resamples, from the contract; None if there were none.
        resample_count: number of resamples.
        training_seconds: from the contract.
        parameters: number of weights.
        milliseconds: median time of one call of the OpenVINO graph; None without such a graph.
    """

    evaluation: Evaluation
    trust: TrustEvaluation | None
    resamples: Mapping[str, float] | None
    resample_count: int
    training_seconds: float
    parameters: int
    milliseconds: float | None
