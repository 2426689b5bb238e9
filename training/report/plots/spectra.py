"""Mean spectrum of each class, and the attention on each frequency band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.report.plots.style import (
    FAINT,
    GREY,
    READABLE_CLASSES,
    SKY,
    colours,
    format_axes,
    new_figure,
    save,
)

# The rounding level is drawn if a spectrum comes within so many decibels of it.
NEAR = 6.0


@dataclass(frozen=True, slots=True)
class WindowSpectra:
    """Spectra of one window length, and the attention on its tokens.

    Attributes:
        window: length in samples.
        frequencies: `float64[bins]`, centres of the bins, in cycles per sample.
        means: `float64[classes, bins]`, mean of each class's spectra, in decibels.
        edges: `float64[tokens + 1]`, edges of the tokens, in cycles per sample.
        attention: `float64[tokens]`, mean attention that each token receives; 1 for uniform attention.
    """

    window: int
    frequencies: NDArray[np.float64]
    means: NDArray[np.float64]
    edges: NDArray[np.float64]
    attention: NDArray[np.float64]


def plot_spectra(
    path: Path, windows: Sequence[WindowSpectra], labels: Sequence[str], *, rounding: float
) -> None:
    """Plot the mean spectrum of each class and the attention on each band, one column per window length.

    Args:
        path: PNG file to write.
        windows: one for each column.
        labels: names of the classes.
        rounding: power of the rounding error of 2 decimals, in decibels; drawn if a spectrum is near it.
    """
    figure = new_figure(1.2 + 4.1 * len(windows), 5.2)
    panels = figure.subplots(
        2, len(windows), squeeze=False, sharex="col", sharey="row", height_ratios=(1.7, 1)
    )
    near = min(float(np.nanmin(window.means)) for window in windows) < rounding + NEAR
    for (above, below), window in zip(panels.T, windows, strict=True):
        _spectra(above, window, labels)
        if near:
            above.axhline(
                rounding, color=GREY, linestyle=":", linewidth=1.2, label="rounding error,\n2 decimals"
            )
        _attention(below, window)
    panels[0, 0].set_ylabel("mean power, dB\n(0 dB: white noise, deviation 1)")
    panels[1, 0].set_ylabel("attention received\n(1: uniform)")
    if len(labels) <= READABLE_CLASSES:
        panels[0, -1].legend(frameon=False, loc="upper right", fontsize=9)
    save(figure, path)


def _spectra(axes: Any, window: WindowSpectra, labels: Sequence[str]) -> None:
    for mean, label, colour in zip(window.means, labels, colours(len(labels)), strict=True):
        axes.plot(window.frequencies, mean, color=colour, linewidth=1.6, label=f"class {label}")
    format_axes(axes, title=f"Test series, Hann windows of {window.window} samples")


def _attention(axes: Any, window: WindowSpectra) -> None:
    axes.stairs(window.attention, window.edges, fill=True, color=SKY)
    axes.vlines(window.edges[1:-1], 0, window.attention[1:], color="white", linewidth=0.8)
    axes.axhline(1, color=GREY, linestyle=":", linewidth=1.2)
    format_axes(axes, title="", x="frequency, cycles per sample")
    axes.set(xlim=(window.edges[0], window.edges[-1]), ylim=(0, None))
    axes.spines["bottom"].set_color(FAINT)
