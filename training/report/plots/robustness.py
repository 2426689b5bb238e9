"""What rounding and noise do to accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.report.plots.style import BLUE, FAINT, GREY, ORANGE, new_figure, save, tidy


@dataclass(frozen=True, slots=True)
class Measured:
    """An accuracy with its 95 % interval, all as fractions."""

    accuracy: float
    low: float
    high: float


def plot_robustness(path: Path, precision: Mapping[str, Measured], noise: Mapping[float, Measured]) -> None:
    """Accuracy against rounding, and against noise, each with its interval.

    Args:
        path: of the picture.
        precision: how the values are given, the finest first; that one is what the others are compared with.
        noise: standard deviation of added noise, in those of the series, ascending from 0.
    """
    figure = new_figure(9.4, 3.5)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw(left, list(precision), precision.values(), "o")
    tidy(left, title="Values given to fewer digits", y="test accuracy, %")
    _draw(right, [f"{deviation:g}" for deviation in noise], noise.values(), "o-")
    tidy(right, title="White noise added", x="its standard deviation, in those of a series")
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
