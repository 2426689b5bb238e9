"""Results of a run, and its metrics by their names in the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from app.contract import Label
from app.contract.neighbours import NeighboursSpec
from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.evaluation.accuracy import Evaluation
from training.evaluation.explanation import ExplanationMeasurement
from training.evaluation.trust import TrustEvaluation
from training.fit.result import TrainingResult
from training.model.embedding import VOTES

# View of the test set to the name of its accuracy in the contract.
METRICS: Mapping[str, str] = MappingProxyType(
    {
        "stored": "accuracy",
        "six_digits": "accuracy_six_significant_digits",
        "float16": "accuracy_float16",
        "rounded_3": "accuracy_rounded_3_decimals",
        "rounded_2": "accuracy_rounded_2_decimals",
        "rounded_1": "accuracy_rounded_1_decimal",
        "noise": "accuracy_with_noise",
    }
)
# View of the test set to the suffix of all other metrics.
ENDINGS: Mapping[str, str] = MappingProxyType({"stored": "", "rounded_2": "_rounded_2_decimals"})


@dataclass(frozen=True, slots=True)
class Report:
    """All inputs of the report.

    Attributes:
        config: of the run; no option is `auto`.
        dataset: training and test series.
        trained: the model and the history of its fits.
        evaluation: of the model on the test series.
        trust: None for a baseline model.
        resamples: view to accuracy, for each resample of train and test; may be empty.
        labels: the classes and their meanings.
        neighbours: the index of training series; None for none.
        versions: library to version.
        command: command line that repeats the run.
        explanation: None if the series are too short to be explained.
    """

    config: TrainingConfig
    dataset: Dataset
    trained: TrainingResult
    evaluation: Evaluation
    trust: TrustEvaluation | None
    resamples: Sequence[Mapping[str, float]]
    labels: tuple[Label, ...]
    versions: Mapping[str, str]
    command: str
    explanation: ExplanationMeasurement | None = None
    neighbours: NeighboursSpec | None = None

    @property
    def training_seconds(self) -> float:
        """Time spent in the epochs of all fits, without those to resamples."""
        return sum(state.seconds for state in self.trained.states)

    @property
    def held_out_accuracy(self) -> float | None:
        """Accuracy on held-out training series; None if there were too few to hold any out."""
        if self.trained.held_out_accuracy is not None:
            return self.trained.held_out_accuracy
        return self.trained.states[0].best_entry.get("val_accuracy")


def metrics_of(report: Report) -> dict[str, float]:
    """Metrics of the contract, by name; all are fractions from 0 to 1."""
    evaluation = report.evaluation
    metrics = {name: evaluation.accuracies[view] for view, name in METRICS.items()}
    metrics["largest_change_with_precision"] = evaluation.spread
    if report.held_out_accuracy is not None:
        metrics["held_out_accuracy"] = report.held_out_accuracy
    metrics |= _by_view("expected_calibration_error", evaluation.calibration_error)
    if report.trust:
        metrics |= _trust_metrics(report.trust)
    for count in VOTES if report.trained.votes else ():
        shares = {view: votes[count] for view, votes in (report.trained.votes or {}).items()}
        metrics |= _by_view(f"held_out_vote_of_{count}", shares)
    if report.resamples:
        metrics |= _by_view("resamples_mean_accuracy", means_of(report.resamples))
    return metrics


def means_of(resamples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """View to mean accuracy over at least one resample."""
    return {view: float(np.mean([accuracy[view] for accuracy in resamples])) for view in resamples[0]}


def _trust_metrics(trust: TrustEvaluation) -> dict[str, float]:
    levels = trust.coverage["stored"]
    metrics: dict[str, float] = {}
    for level in levels:
        shares = {view: by_level[level] for view, by_level in trust.coverage.items()}
        metrics |= _by_view(f"coverage_{level.removeprefix('0.'):0<2}", shares)
    metrics |= _by_view("ood_auroc", trust.ood_auroc)
    for name, areas in trust.near_ood_auroc.items():
        metrics |= _by_view(f"ood_auroc_{name.lower()}", areas)
    return metrics | _by_view("accuracy_uniform_attention", trust.uniform_attention)


def _by_view(name: str, values: Mapping[str, float]) -> dict[str, float]:
    return {name + ending: values[view] for view, ending in ENDINGS.items()}
