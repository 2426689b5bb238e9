"""The document that the project started from, beside what its model gives here: for FordA alone."""

from __future__ import annotations

from training.report.report import Report
from training.report.tables import paragraphs, table

# Test accuracies as stored, in per cent: what the Keras example "Timeseries classification with a Transformer
# model" states, and what its model gave here for seeds 1, 2 and 3 (docs/training/experiments.md).
FIGURES = (
    ("2", "61.4 (60.9 on its progress bar)", "57.6, 55.9, 61.3"),
    ("at most 120, patience 10", "about 85, after 110 to 120", "82.7, 84.5, 85.2"),
)


def beside_the_reference(report: Report) -> str:
    """The reference's figures, the document's and ours; empty for any other data set."""
    if report.dataset.name != "FordA":
        return ""
    ours = f"{100 * report.evaluation.accuracies['stored']:.1f}"
    rows = [*([*figures, ""] for figures in FIGURES), [str(report.config.epochs), "", "", ours]]
    return paragraphs(
        'The Keras example "Timeseries classification with a Transformer model" has the same task. Test '
        "accuracy as stored, in per cent:",
        table(["epochs", "the example's text", "its model, trained here (seeds 1, 2, 3)", "this card"], rows),
        "The example's attention has no effect on its answers, for each branch ends in a normalisation over "
        "a single feature. So its model equals a perceptron (a test holds that both give the same outputs "
        "and gradients), and that gave the third column: "
        "`python -m training --model reference-perceptron --epochs N --seed S`.",
    )
