"""What a run found out, and its figures under the names that the contract has for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from app.contract import Label
from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.evaluation.accuracy import Evaluation
from training.evaluation.trust import TrustEvaluation
from training.fit.result import Trained

# View of the test set to the contract's name of the accuracy on it.
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
# View of the test set to how the name of any other figure ends.
ENDINGS: Mapping[str, str] = MappingProxyType({"stored": "", "rounded_2": "_rounded_2_decimals"})


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the report is made from.

    Attributes:
        config: of the run, with nothing left open.
        dataset: what was fitted and evaluated.
        trained: the model, and how its fits went.
        evaluation: of the model on the test series.
        trust: None for a model to compare with.
        resamples: view to accuracy for each resample of train and test; empty if there were none.
        labels: the classes with their meanings.
        versions: library to version.
        command: what gives this run.
    """

    config: TrainingConfig
    dataset: Dataset
    trained: Trained
    evaluation: Evaluation
    trust: TrustEvaluation | None
    resamples: Sequence[Mapping[str, float]]
    labels: tuple[Label, ...]
    versions: Mapping[str, str]
    command: str

    @property
    def training_seconds(self) -> float:
        """Time spent in the epochs of all fits that the artifact needs; resamples are not among them."""
        return sum(state.seconds for state in self.trained.states)

    @property
    def held_out_accuracy(self) -> float | None:
        """Accuracy on training series that were not fitted to; None if there were too few to hold any out."""
        if self.trained.held_out is not None:
            return self.trained.held_out
        return self.trained.states[0].kept.get("val_accuracy")


def metrics_of(report: Report) -> dict[str, float]:
    """The contract's metrics: test accuracies and other shares, all as fractions."""
    evaluation = report.evaluation
    metrics = {name: evaluation.accuracies[view] for view, name in METRICS.items()}
    metrics["largest_change_with_precision"] = evaluation.spread
    if report.held_out_accuracy is not None:
        metrics["held_out_accuracy"] = report.held_out_accuracy
    metrics |= _by_view("expected_calibration_error", evaluation.calibration_error)
    if report.trust:
        metrics |= _of_trust(report.trust)
    if report.resamples:
        metrics |= _by_view("resamples_mean_accuracy", means_of(report.resamples))
    return metrics


def means_of(resamples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """View to mean accuracy over at least one resample."""
    return {view: float(np.mean([accuracy[view] for accuracy in resamples])) for view in resamples[0]}


def _of_trust(trust: TrustEvaluation) -> dict[str, float]:
    levels = trust.coverage["stored"]
    metrics: dict[str, float] = {}
    for level in levels:
        shares = {view: by_level[level] for view, by_level in trust.coverage.items()}
        metrics |= _by_view(f"coverage_{level.removeprefix('0.'):0<2}", shares)
    metrics |= _by_view("ood_auroc", trust.separation)
    for name, areas in trust.related.items():
        metrics |= _by_view(f"ood_auroc_{name.lower()}", areas)
    return metrics | _by_view("accuracy_uniform_attention", trust.uniform_attention)


def _by_view(name: str, values: Mapping[str, float]) -> dict[str, float]:
    return {name + ending: values[view] for view, ending in ENDINGS.items()}
