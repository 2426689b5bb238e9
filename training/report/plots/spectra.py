"""What tells the classes apart in frequency, and what the attention looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.report.plots.style import FAINT, GREY, READABLE_CLASSES, SKY, colours, new_figure, save, tidy

# Decibels from which on the noise of rounding matters to a spectrum.
NEAR = 6.0


@dataclass(frozen=True, slots=True)
class WindowSpectra:
    """The spectra of one window length, and the attention on its tokens.

    Attributes:
        window: samples.
        frequencies: `float64[bins]`, of the bins' centres, in cycles a sample.
        means: `float64[classes, bins]`, mean of each class's spectra, in decibels.
        edges: `float64[tokens + 1]`, where tokens begin and the last one ends, in cycles a sample.
        attention: `float64[tokens]`, what each gets; 1 is what all would get of uniform attention.
    """

    window: int
    frequencies: NDArray[np.float64]
    means: NDArray[np.float64]
    edges: NDArray[np.float64]
    attention: NDArray[np.float64]


def plot_spectra(
    path: Path, windows: Sequence[WindowSpectra], labels: Sequence[str], *, rounding: float
) -> None:
    """Mean spectrum of each class above the attention on each band, a column a window length.

    Args:
        path: of the picture.
        windows: what is drawn.
        labels: the classes.
        rounding: power of rounding to 2 decimals, in decibels; shown where spectra come near it.
    """
    figure = new_figure(1.2 + 4.1 * len(windows), 5.2)
    panels = figure.subplots(
        2, len(windows), squeeze=False, sharex="col", sharey="row", height_ratios=(1.7, 1)
    )
    near = min(float(np.nanmin(window.means)) for window in windows) < rounding + NEAR
    for (above, below), window in zip(panels.T, windows, strict=True):
        _spectra(above, window, labels)
        if near:
            above.axhline(rounding, color=GREY, linestyle=":", linewidth=1.2, label="rounding to\n2 decimals")
        _attention(below, window)
    panels[0, 0].set_ylabel("mean power, dB\n(0: white noise of deviation 1)")
    panels[1, 0].set_ylabel("attention received\n(1: an even share)")
    if len(labels) <= READABLE_CLASSES:
        panels[0, -1].legend(frameon=False, loc="upper right", fontsize=9)
    save(figure, path)


def _spectra(axes: Any, window: WindowSpectra, labels: Sequence[str]) -> None:
    for mean, label, colour in zip(window.means, labels, colours(len(labels)), strict=True):
        axes.plot(window.frequencies, mean, color=colour, linewidth=1.6, label=f"class {label}")
    tidy(axes, title=f"Windows of {window.window} samples")


def _attention(axes: Any, window: WindowSpectra) -> None:
    axes.stairs(window.attention, window.edges, fill=True, color=SKY)
    axes.vlines(window.edges[1:-1], 0, window.attention[1:], color="white", linewidth=0.8)
    axes.axhline(1, color=GREY, linestyle=":", linewidth=1.2)
    tidy(axes, title="", x="frequency, cycles a sample")
    axes.set(xlim=(window.edges[0], window.edges[-1]), ylim=(0, None))
    axes.spines["bottom"].set_color(FAINT)
