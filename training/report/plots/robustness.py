"""Accuracy under rounding and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.report.plots.style import BLUE, FAINT, GREY, ORANGE, format_axes, new_figure, save


@dataclass(frozen=True, slots=True)
class Measured:
    """An accuracy with its 95% confidence interval, as fractions."""

    accuracy: float
    low: float
    high: float


def plot_robustness(path: Path, precision: Mapping[str, Measured], noise: Mapping[float, Measured]) -> None:
    """Plot test accuracy by precision of the values and by added noise, with 95% confidence intervals.

    Args:
        path: PNG file to write.
        precision: precision of the values to accuracy; the first one is drawn as a reference line.
        noise: standard deviation of added noise, in units of the series', to accuracy; ascending from 0.
    """
    figure = new_figure(9.4, 3.5)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw(left, list(precision), precision.values(), "o")
    format_axes(left, title="Precision of the values (bars: 95% confidence interval)", y="test accuracy, %")
    _draw(right, [f"{deviation:g}" for deviation in noise], noise.values(), "o-")
    format_axes(right, title="White noise added to the values", x="standard deviation of noise / of series")
    right.set_ylabel("test accuracy, %")
    for axes in (left, right):
        axes.grid(visible=False, axis="x")
    save(figure, path)


def _draw(axes: Any, names: list[str], measured: Any, form: str) -> None:
    values = list(measured)
    percent = [100 * value.accuracy for value in values]
    errors = [
        [100 * (value.accuracy - value.low) for value in values],
        [100 * (value.high - value.accuracy) for value in values],
    ]
    positions = range(len(names))
    axes.axhline(percent[0], color=ORANGE, linestyle=":", linewidth=1.2)
    axes.errorbar(
        positions, percent, yerr=errors, fmt=form, color=BLUE, ecolor=FAINT, elinewidth=2, markersize=5.5
    )
    for position, value in enumerate(values):
        axes.annotate(
            f"{100 * value.accuracy:.1f}",
            (position, 100 * value.high),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=GREY,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
    axes.margins(y=0.12)
    axes.set_xticks(positions, names)
    axes.set_xlim(-0.5, len(names) - 0.5)
