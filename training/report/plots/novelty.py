"""Distribution of the OOD score in the test series and in other series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.report.plots.style import BLUE, GREY, ORANGE, SKY, format_axes, new_figure, save

BINS = 90

Groups = Mapping[str, NDArray[np.float32]]


def plot_novelty(path: Path, own: Groups, related: Groups, others: Groups, *, threshold: float) -> None:
    """Plot the histogram of each group's scores in a row, with the OOD threshold across all rows.

    Args:
        path: PNG file to write.
        own: name of a group of test series to scores `float32[n]`.
        related: the same for data sets with the same kind of signal.
        others: the same for all other groups.
        threshold: OOD threshold; the share of each group above it is shown.
    """
    kinds = [(own, BLUE), (related, SKY), (others, ORANGE)]
    # The axis goes upwards.
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
    axes.text(threshold, len(rows), "  OOD threshold", fontsize=9, va="bottom")
    _beside(axes, len(rows) + 0.2, "above")
    axes.set_yticks(np.arange(len(rows)) + 0.3, [f"{name} ({len(scores):,})" for name, scores, _ in rows])
    format_axes(
        axes,
        title="",
        x="OOD score: natural logarithm of the distance from the training spectra",
    )
    axes.set(ylim=(-0.1, len(rows)), xlim=(edges[0], edges[-1]))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    save(figure, path)


def _beside(axes: Any, height: float, text: str) -> None:
    """Write text to the right of the axes."""
    axes.annotate(
        text,
        (1.01, height),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=9,
        color=GREY,
        annotation_clip=False,
    )
