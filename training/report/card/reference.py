"""Comparison with the Keras example that has the same task: for FordA only."""

from __future__ import annotations

from training.report.report import Report
from training.report.tables import paragraphs, table

# Test accuracies as stored, in per cent: what the Keras example "Timeseries classification with a Transformer
# model" states, and what its model reached here with seeds 1, 2 and 3 (docs/training/experiments.md).
FIGURES = (
    ("2", "61.4 (60.9 on its progress bar)", "57.6, 55.9, 61.3"),
    ("at most 120, patience 10", "about 85, after 110 to 120", "82.7, 84.5, 85.2"),
)


def comparison(report: Report) -> str:
    """Test accuracy as published, of the example's model here, and of this model; empty unless FordA."""
    if report.dataset.name != "FordA":
        return ""
    ours = f"{100 * report.evaluation.accuracies['stored']:.1f}"
    rows = [*([*figures, ""] for figures in FIGURES), [str(report.config.epochs), "", "", ours]]
    return paragraphs(
        'The Keras example "Timeseries classification with a Transformer model" has the same task. Test '
        "accuracy as stored, in per cent:",
        table(["epochs", "published", "its model, trained here (seeds 1, 2, 3)", "this model"], rows),
        "Attention has no effect in the example's model, because each branch ends in a layer normalisation "
        "over a single feature. The model is equivalent to a perceptron: a test checks that outputs and "
        "gradients are equal. The third column is that perceptron: "
        "`python -m training --model reference-perceptron --epochs N --seed S`.",
    )
