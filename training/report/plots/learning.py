"""Learning curves of the fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.report.plots.style import BLUE, GREY, ORANGE, format_axes, new_figure, save

History = Sequence[dict[str, float]]
SCALES = {"loss": (1.0, "cross-entropy, nats"), "accuracy": (100.0, "accuracy, %")}


def plot_learning(path: Path, fitted: History, folds: Sequence[History], *, kept: int | None) -> None:
    """Plot loss and accuracy per epoch: training of the final fit, validation of that fit or of the folds.

    Args:
        path: PNG file to write.
        fitted: entries with `loss`, `accuracy` and, without folds, `val_loss` and `val_accuracy`.
        folds: entries of the fit without each fold, with validation; all of the same length.
        kept: epoch whose weights are kept, counted from 1; None for the last one.
    """
    figure = new_figure(9, 3.4)
    validated = [history for history in folds or [fitted] if "val_loss" in history[0]]
    for axes, (name, (scale, unit)) in zip(figure.subplots(1, 2), SCALES.items(), strict=True):
        epochs = np.arange(1, len(fitted) + 1)
        marker = {"marker": "o", "markersize": 3.5} if len(fitted) < 10 else {}
        training = [scale * entry[name] for entry in fitted]
        axes.plot(epochs, training, color=GREY, linewidth=1.6, label="training series", **marker)
        if validated:
            values = [[entry[f"val_{name}"] for entry in history] for history in validated]
            _draw_validation(axes, scale * np.array(values), marker)
        if kept is not None:
            axes.axvline(
                kept, color=ORANGE, linestyle="--", linewidth=1.2, label=f"kept weights: epoch {kept}"
            )
        format_axes(axes, title=name.capitalize(), x="epoch", y=unit)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize=9, framealpha=0.85, edgecolor="none")
    save(figure, path)


def _draw_validation(axes: Any, values: Any, marker: dict[str, Any]) -> None:
    epochs = np.arange(1, values.shape[1] + 1)
    label = (
        "held-out series" if len(values) == 1 else f"held-out series: mean and range of {len(values)} folds"
    )
    if len(values) > 1:
        axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(epochs, values.mean(axis=0), color=BLUE, linewidth=1.8, label=label, **marker)
