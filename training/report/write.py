"""Write the report into a version folder: metrics, history, plots and model card."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from app.contract import CARD_FILE
from training.evaluation.explanation import ExplanationMeasurement
from training.evaluation.trust import TrustEvaluation
from training.report.card import card_of
from training.report.pictures import draw
from training.report.report import Report, metrics_of

METRICS_FILE, HISTORY_FILE = "metrics.json", "history.csv"
HISTORY = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")


def write_report(report: Report, folder: Path) -> tuple[str, ...]:
    """Write the report into a folder; returns the names of the files."""
    (folder / METRICS_FILE).write_text(json.dumps(_as_json(report), indent=2) + "\n", encoding="utf-8")
    _write_history(report, folder / HISTORY_FILE)
    pictures = draw(report, folder)
    (folder / CARD_FILE).write_text(card_of(report, pictures), encoding="utf-8")
    return METRICS_FILE, HISTORY_FILE, *pictures.values(), CARD_FILE


def _as_json(report: Report) -> dict[str, Any]:
    evaluation, trained, leak = report.evaluation, report.trained, report.evaluation.rounding_leak
    return {
        "test": metrics_of(report) | {"cross_entropy": evaluation.loss},
        "noise": {f"{deviation:g}": accuracy for deviation, accuracy in evaluation.noise.items()},
        "confusion": {"labels": list(report.dataset.labels), "rows_are_true": evaluation.confusion.tolist()},
        "distinct_value_count_alone": leak and {"stored": leak.stored, "rounded_2_decimals": leak.rounded},
        "trust": report.trust and _trust(report.trust, report),
        "explanation": report.explanation and _explanation(report.explanation),
        "resamples": [dict(accuracies) for accuracies in report.resamples],
        "parameters": trained.model.count_params(),
        "temperature": trained.temperature,
        "epochs": [state.epochs for state in trained.states],
        "best_epoch": trained.states[0].best_epoch,
        "training_seconds": report.training_seconds,
    }


def _explanation(measured: ExplanationMeasurement) -> dict[str, Any]:
    return {
        part: {name: figures.model_dump() for name, figures in candidates.items()}
        for part, candidates in measured.candidates.items()
    } | {"series": measured.perturbations.series}


def _trust(trust: TrustEvaluation, report: Report) -> dict[str, Any]:
    sealed = report.trained.trust
    threshold = sealed.novelty.threshold if sealed else float("inf")
    return {
        "set_sizes": {view: sizes.shares for view, sizes in trust.set_sizes.items()},
        "single_label_accuracy": {view: sizes.single_accuracy for view, sizes in trust.set_sizes.items()},
        "share_called_unlike": {
            name: float((group.novelty > threshold).mean()) for name, group in trust.ood_groups.items()
        },
    }


def _write_history(report: Report, path: Path) -> None:
    """Write one row per epoch: first of the final fit, then of the fit without each fold."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["fit", "epoch", *HISTORY], lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for number, state in enumerate(report.trained.states):
            for epoch, entry in enumerate(state.history, start=1):
                values = {name: f"{value:.6g}" for name, value in entry.items()}
                writer.writerow({"fit": f"fold {number}" if number else "final", "epoch": epoch} | values)
