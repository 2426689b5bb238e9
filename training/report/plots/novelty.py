"""How unlike the training data series of different kinds look to the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.report.plots.style import BLUE, GREY, ORANGE, SKY, new_figure, save, tidy

BINS = 90

Groups = Mapping[str, NDArray[np.float32]]


def plot_novelty(path: Path, own: Groups, related: Groups, foreign: Groups, *, threshold: float) -> None:
    """The distribution of each group's scores, one below the other, with the threshold across all.

    Args:
        path: of the picture.
        own: name of a group of the data set's own series to `float32[n]`.
        related: the same of series from data sets with the same kind of signal.
        foreign: the same of all others.
        threshold: above it, a series is unlike the training data; each group's share of those is shown.
    """
    kinds = [(own, BLUE), (related, SKY), (foreign, ORANGE)]
    # From below upwards, as the axis goes.
    rows = [(name, scores, colour) for groups, colour in kinds for name, scores in groups.items()][::-1]
    figure = new_figure(8.6, 1.1 + 0.46 * len(rows))
    axes = figure.subplots()
    everything = np.concatenate([scores for _, scores, _ in rows])
    edges = np.linspace(everything.min() - 0.1, everything.max() + 0.1, BINS + 1)
    for row, (_, scores, colour) in enumerate(rows):
        counts, _ = np.histogram(scores, edges)
        axes.stairs(row + 0.85 * counts / counts.max(), edges, baseline=row, fill=True, color=colour)
        _beside(axes, row + 0.3, f"{np.mean(scores > threshold):.1%}")
    axes.axvline(threshold, color="black", linewidth=1.2)
    axes.text(threshold, len(rows), "  unlike the training data →", fontsize=9, va="bottom")
    _beside(axes, len(rows) + 0.2, "unlike")
    axes.set_yticks(np.arange(len(rows)) + 0.3, [f"{name} ({len(scores):,})" for name, scores, _ in rows])
    tidy(axes, title="", x="novelty: natural logarithm of the distance from the training spectra")
    axes.set(ylim=(-0.1, len(rows)), xlim=(edges[0], edges[-1]))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    save(figure, path)


def _beside(axes: Any, height: float, text: str) -> None:
    """Text to the right of the axes."""
    axes.annotate(
        text,
        (1.01, height),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=9,
        color=GREY,
        annotation_clip=False,
    )
