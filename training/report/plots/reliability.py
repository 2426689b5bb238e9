"""Reliability diagrams."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.series.scores import Reliability
from training.report.plots.style import BLUE, FAINT, GREY, ORANGE, format_axes, new_figure, save


def plot_reliability(path: Path, measured: Mapping[str, Reliability], *, least: float) -> None:
    """Plot reliability diagrams side by side: accuracy by confidence, and the share of series in each bin.

    Args:
        path: PNG file to write.
        measured: title to bins.
        least: lowest possible confidence, 1 / classes.
    """
    figure = new_figure(4.2 * len(measured), 4.8)
    panels = figure.subplots(2, len(measured), squeeze=False, sharex=True, height_ratios=(3, 1), sharey="row")
    for (above, below), (title, bins) in zip(panels.T, measured.items(), strict=True):
        _diagram(above, bins, title, least)
        _shares(below, bins)
    panels[0, 0].set_ylabel("accuracy, test series as stored")
    panels[1, 0].set_ylabel("share of series")
    save(figure, path)


def _diagram(axes: Any, bins: Reliability, title: str, least: float) -> None:
    axes.plot([least, 1], [least, 1], color=GREY, linestyle=":", linewidth=1.2, label="perfect calibration")
    axes.vlines(
        bins.confidence, bins.confidence, bins.accuracy, color=ORANGE, linewidth=2, alpha=0.6, label="gap"
    )
    # The area grows with the share of series, so that bins of a few series do not stand out.
    axes.scatter(bins.confidence, bins.accuracy, s=18 + 160 * bins.share, color=BLUE, zorder=3, label="bin")
    format_axes(axes, title=f"{title}\nexpected calibration error {bins.expected_error:.2%}")
    axes.set(xlim=(least - 0.02, 1.02), ylim=(-0.03, 1.05))
    axes.legend(frameon=False, loc="lower right", fontsize=9, markerscale=0.6)


def _shares(axes: Any, bins: Reliability) -> None:
    axes.bar(bins.confidence, bins.share, width=0.018, color=BLUE)
    format_axes(axes, title="", x="confidence: probability of the\npredicted class")
    axes.grid(visible=False, axis="x")
    axes.spines["bottom"].set_color(FAINT)
