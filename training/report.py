"""What a run tells people: metrics as JSON, the learning curve as CSV, plots, and the model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.contract import CARD_FILE, Label
from training.card import Card
from training.checkpoint import RunState
from training.config import TrainingConfig
from training.data import Dataset
from training.evaluate import Evaluation
from training.plots import plot_confusion, plot_history, plot_roc

METRICS_FILE, HISTORY_FILE = "metrics.json", "history.csv"
HISTORY_PLOT, CONFUSION_PLOT, ROC_PLOT = "learning_curve.png", "confusion_matrix.png", "roc.png"
# View of the test set to the contract's name of the accuracy on it.
METRICS: Mapping[str, str] = MappingProxyType(
    {
        "stored": "accuracy",
        "rounded_3": "accuracy_rounded_3_decimals",
        "rounded_2": "accuracy_rounded_2_decimals",
        "rounded_1": "accuracy_rounded_1_decimal",
        "noise": "accuracy_with_noise",
    }
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the report is made from."""

    config: TrainingConfig
    dataset: Dataset
    state: RunState
    evaluation: Evaluation
    labels: tuple[Label, ...]
    parameters: int
    versions: Mapping[str, str]
    command: str


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """The contract's metrics: test accuracies as fractions."""
    return {name: evaluation.accuracies[view] for view, name in METRICS.items()}


def write_report(report: Report, folder: Path) -> tuple[str, ...]:
    """Write metrics, plots and card into a folder; the names of the files."""
    evaluation, state, dataset = report.evaluation, report.state, report.dataset
    (folder / METRICS_FILE).write_text(json.dumps(_as_json(report), indent=2) + "\n", encoding="utf-8")
    (folder / HISTORY_FILE).write_text(_as_csv(state.history), encoding="utf-8")
    plot_history(folder / HISTORY_PLOT, state.history, best_epoch=state.best_epoch)
    plot_confusion(folder / CONFUSION_PLOT, evaluation.confusion, dataset.labels)
    plot_roc(folder / ROC_PLOT, evaluation.probabilities, dataset.test_targets, dataset.labels)
    card = Card(
        config=report.config,
        dataset=dataset,
        state=state,
        evaluation=evaluation,
        labels=report.labels,
        parameters=report.parameters,
        versions=report.versions,
        command=report.command,
        plots={"Learning curve": HISTORY_PLOT, "Confusion matrix": CONFUSION_PLOT, "ROC curve": ROC_PLOT},
    )
    (folder / CARD_FILE).write_text(card.as_markdown(), encoding="utf-8")
    return METRICS_FILE, HISTORY_FILE, HISTORY_PLOT, CONFUSION_PLOT, ROC_PLOT, CARD_FILE


def _as_json(report: Report) -> dict[str, Any]:
    evaluation, state = report.evaluation, report.state
    leak = evaluation.leak
    return {
        "test": metrics_of(evaluation) | {"cross_entropy": evaluation.loss},
        "validation": {"accuracy": state.kept["val_accuracy"], "cross_entropy": state.kept["val_loss"]},
        "confusion": {"labels": list(report.dataset.labels), "rows_are_true": evaluation.confusion.tolist()},
        "distinct_value_count_alone": leak and {"stored": leak.stored, "rounded_2_decimals": leak.rounded},
        "parameters": report.parameters,
        "best_epoch": state.best_epoch,
        "epochs": state.epochs,
        "training_seconds": state.seconds,
    }


def _as_csv(history: Sequence[Mapping[str, float]]) -> str:
    names = list(history[0])
    rows = ([str(epoch), *(f"{entry[name]:.6g}" for name in names)] for epoch, entry in enumerate(history, 1))
    return "".join(",".join(row) + "\n" for row in [["epoch", *names], *rows])
