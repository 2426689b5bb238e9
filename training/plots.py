"""The report's pictures, as PNG files. Nothing here knows a data set, a model or a runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

DOTS_PER_INCH = 120
BLUE, ORANGE, GREY = "#1f5fa8", "#d9662b", "#8a8f98"
# With more classes than this, numbers in the cells and one curve a class are no longer readable.
READABLE_CLASSES = 12


def plot_history(path: Path, history: Sequence[dict[str, float]], *, best_epoch: int) -> None:
    """Loss and accuracy of each epoch, in training and on the held-out series."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = range(1, len(history) + 1)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label, colour in ((name, "training", GREY), (f"val_{name}", "validation", BLUE)):
            axes.plot(epochs, [entry[key] for entry in history], color=colour, label=label, linewidth=1.8)
        axes.axvline(best_epoch, color=ORANGE, linestyle="--", linewidth=1, label=f"kept: epoch {best_epoch}")
        _tidy(axes, title=name.capitalize(), x="epoch")
        axes.legend(frameon=False)
    _save(figure, path)


def plot_confusion(path: Path, confusion: NDArray[np.int64], labels: Sequence[str]) -> None:
    """The confusion matrix, rows the true classes, with counts and shares of each row."""
    size = 3.2 + 0.35 * min(len(labels), 30)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=0 if len(labels) <= READABLE_CLASSES else 90)
    axes.set_yticks(range(len(labels)), labels)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title("Test series as stored", loc="left", fontsize=11)
    if len(labels) <= READABLE_CLASSES:
        for (row, column), share in np.ndenumerate(shares):
            text = str(confusion[row, column]) + (f"\n{share:.1%}" if len(labels) <= 4 else "")
            colour = "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=colour)
    _save(figure, path)


def plot_roc(
    path: Path, probabilities: NDArray[np.float32], targets: NDArray[np.int64], labels: Sequence[str]
) -> None:
    """The ROC curve: of the second class where there are two, else of each class against the rest."""
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    for target in [1] if len(labels) == 2 else range(len(labels)):
        truth = targets == target
        if not truth.any() or truth.all():
            continue
        false, true, _ = roc_curve(truth, probabilities[:, target])
        area = roc_auc_score(truth, probabilities[:, target])
        colour = BLUE if len(labels) == 2 else None
        axes.plot(false, true, color=colour, linewidth=1.8, label=f"{labels[target]}: area {area:.4f}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    _tidy(axes, title="ROC, test series as stored", x="false positive rate", y="true positive rate")
    if len(labels) <= READABLE_CLASSES:
        axes.legend(frameon=False, loc="lower right", title="class")
    _save(figure, path)


def _tidy(axes: Any, *, title: str, x: str, y: str = "") -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=DOTS_PER_INCH)
