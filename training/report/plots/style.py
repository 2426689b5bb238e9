"""Colours and sizes of all plots; creating, formatting and saving a figure."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DOTS_PER_INCH = 120
PALETTE = 192
# Okabe and Ito, "Color universal design", 2008: distinct for people with any colour vision.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
GREY, FAINT = "#6b7078", "#c9ccd1"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY)
# With more classes, numbers in cells and one named curve per class are not readable.
READABLE_CLASSES = 12


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; width and height in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def format_axes(axes: Any, *, title: str, x: str = "", y: str = "") -> None:
    """Set a left-aligned title, axis labels and a faint grid; remove the frame."""
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelsize=9)
    axes.grid(color=FAINT, alpha=0.5, linewidth=0.6)
    axes.set_axisbelow(True)


def colours(classes: int) -> list[Any]:
    """One colour per class."""
    if classes <= len(CYCLE):
        return list(CYCLE[:classes])
    scale = mpl.colormaps["viridis"]
    return [scale(i / (classes - 1)) for i in range(classes)]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG with a palette: a third of the size, no visible difference."""
    FigureCanvasAgg(figure)
    buffer = BytesIO()
    figure.savefig(buffer, dpi=DOTS_PER_INCH, format="png")
    picture = Image.open(buffer).convert("RGB")
    picture.quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)
