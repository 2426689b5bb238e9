"""Confusion matrix and ROC curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from training.report.plots.style import (
    CYCLE,
    FAINT,
    GREY,
    READABLE_CLASSES,
    colours,
    format_axes,
    new_figure,
    save,
)

# Side of the corner that the second panel of two classes' ROC shows.
CORNER = 0.2


def plot_confusion(path: Path, confusion: NDArray[np.int64], labels: Sequence[str]) -> None:
    """Plot a confusion matrix `int64[classes, classes]`, rows the true classes, with shares of each row."""
    size = 2.9 + 0.3 * min(len(labels), READABLE_CLASSES) + 0.1 * max(0, len(labels) - READABLE_CLASSES)
    figure = new_figure(size + 0.5, size)
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    few = len(labels) <= READABLE_CLASSES
    size_of_text = 10 if few else 6
    axes.set_xticks(range(len(labels)), labels, rotation=0 if few else 90, fontsize=size_of_text)
    axes.set_yticks(range(len(labels)), labels, fontsize=size_of_text)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title("Confusion matrix, test series as stored", loc="left", fontsize=10.5)
    if few:
        for (row, column), share in np.ndenumerate(shares):
            text = str(confusion[row, column]) + (f"\n{share:.1%}" if len(labels) <= 4 else "")
            colour = "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=10)
    save(figure, path)


def plot_roc(
    path: Path,
    probabilities: Mapping[str, NDArray[np.float32]],
    targets: NDArray[np.int64],
    labels: Sequence[str],
) -> None:
    """Plot ROC curves: of the second of two classes, or of each of several classes against the rest.

    Args:
        path: PNG file to write.
        probabilities: view of the test series, such as "as stored", to `float32[n, classes]`.
        targets: `int64[n]`.
        labels: names of the classes.
    """
    if len(labels) == 2:
        _two_classes(path, probabilities, targets, labels)
    else:
        _many_classes(path, probabilities, targets, labels)


def _two_classes(path: Path, probabilities: Any, targets: Any, labels: Sequence[str]) -> None:
    curves = {name: roc_curve(targets == 1, answers[:, 1])[:2] for name, answers in probabilities.items()}
    # The corner of a poor model would be empty.
    good = any(np.any((false < CORNER) & (true > 1 - CORNER)) for false, true in curves.values())
    figure = new_figure(8.4 if good else 4.4, 4.1)
    panels = figure.subplots(1, 1 + good, squeeze=False)[0]
    for axes in panels:
        for (name, (false, true)), colour, dash in zip(curves.items(), CYCLE, ("-", "--"), strict=False):
            area = roc_auc_score(targets == 1, probabilities[name][:, 1])
            label = f"{name}: AUROC {area:.4f}"
            axes.plot(false, true, color=colour, linestyle=dash, linewidth=1.6, label=label)
    _frame(panels[0], f"ROC curve of class {labels[1]}, test series")
    panels[0].legend(frameon=False, loc="lower right", fontsize=9)
    if good:
        _frame(panels[1], "Upper left corner of the ROC curve")
        for axis in (panels[1].xaxis, panels[1].yaxis):
            axis.get_major_locator().set_params(nbins=5)
        panels[1].set(xlim=(-0.01 * CORNER, CORNER), ylim=(1 - CORNER, 1 + 0.01 * CORNER))
    save(figure, path)


def _many_classes(path: Path, probabilities: Any, targets: Any, labels: Sequence[str]) -> None:
    figure = new_figure(4.2 * len(probabilities), 4.1)
    panels = figure.subplots(1, len(probabilities), squeeze=False)[0]
    for axes, (name, answers) in zip(panels, probabilities.items(), strict=True):
        _one_against_the_rest(axes, answers, targets, labels)
        _frame(axes, f"ROC curves, one class against the rest,\ntest series {name}")
        axes.legend(frameon=False, loc="lower right", fontsize=9)
    save(figure, path)


def _one_against_the_rest(axes: Any, answers: Any, targets: Any, labels: Sequence[str]) -> None:
    """Plot one named curve per class, or faint curves and their mean above `READABLE_CLASSES`."""
    few = len(labels) <= READABLE_CLASSES
    grid, curves = np.linspace(0, 1, 501), []
    for target, colour in enumerate(colours(len(labels))):
        truth = targets == target
        if not truth.any() or truth.all():
            continue
        false, true, _ = roc_curve(truth, answers[:, target])
        label = f"{labels[target]}: AUROC {roc_auc_score(truth, answers[:, target]):.4f}" if few else None
        axes.plot(false, true, color=colour if few else FAINT, linewidth=1.6 if few else 0.7, label=label)
        curves.append(np.interp(grid, false, true))
    if not few:
        mean = np.mean(curves, axis=0)
        axes.plot(
            grid, mean, color=CYCLE[0], linewidth=2, label=f"mean: AUROC {np.trapezoid(mean, grid):.4f}"
        )


def _frame(axes: Any, title: str) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    axes.set_box_aspect(1)
    format_axes(axes, title=title, x="false positive rate", y="true positive rate")
