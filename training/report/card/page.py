"""The model card: all sections in their order."""

from __future__ import annotations

from collections.abc import Mapping

from training.data.descriptions import describe_dataset
from training.report.card.description import intended_use, limitations, model_details, training_procedure
from training.report.card.explanations import explanations
from training.report.card.neighbours import neighbours
from training.report.card.reference import comparison
from training.report.card.results import accuracy, attention_ablation, precision_leak, resampled_splits
from training.report.card.uncertainty import calibration, drift, intro, label_sets, ood_score
from training.report.report import Report
from training.report.tables import PAIR, paragraphs, percent, table


def card_of(report: Report, figures: Mapping[str, str]) -> str:
    """The card's text, Markdown.

    Args:
        report: of the run.
        figures: caption to file name, in the order shown.
    """
    sections = {
        "## Model details": model_details(report),
        "## Intended use": intended_use(report),
        "## Training data": _training_data(report),
        "## Training procedure": training_procedure(report),
        "## Evaluation": "All figures are measured on the test series, unless stated otherwise.",
        "### Accuracy": accuracy(report),
        "### Precision of the values": precision_leak(report),
        "### Resampled splits": resampled_splits(report),
        "### Attention ablation": attention_ablation(report),
        "### Comparison with the Keras example": comparison(report),
        "## Calibration and uncertainty": intro(report),
        "### Calibration": calibration(report),
        "### Label sets": label_sets(report),
        "### OOD score": ood_score(report),
        "### Drift": drift(report),
        "## Explanations": explanations(report),
        "## Neighbours": neighbours(report),
        "## Limitations": limitations(report),
        "## Figures": paragraphs(*(f"![{title}]({file})\n\n*{title}*" for title, file in figures.items())),
        "## Reproduction": _reproduction(report),
    }
    text = paragraphs(
        f"# Model card: {report.config.artifact_name}",
        _summary(report),
        *(f"{heading}\n\n{section}" for heading, section in sections.items() if section),
    )
    return text + "\n"


def _summary(report: Report) -> str:
    accuracies = report.evaluation.accuracies
    shown = ", ".join(f"{percent(accuracies[view])} {title}" for view, title in PAIR.items())
    return (
        f"The {report.config.model} model classifies the time series of {report.dataset.name}. Accuracy on "
        f"{len(report.dataset.test):,} test series: {shown}."
    )


def _training_data(report: Report) -> str:
    dataset = report.dataset
    return paragraphs(
        describe_dataset(dataset.name),
        f"{len(dataset.train):,} training series and {len(dataset.test):,} test series of {dataset.length} "
        "values each.",
        table(["file", "SHA-256"], [[f"`{name}`", f"`{digest}`"] for name, digest in dataset.sha256.items()]),
    )


def _reproduction(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return paragraphs(
        f"```sh\n{report.command}\n```",
        "`contract.json` lists all settings under `provenance`. The same seed "
        f"({report.config.seed}) on the same machine gives the same weights. Another machine adds floating-"
        f"point numbers in another order, so the accuracy can differ slightly. Versions: {versions}.",
    )
