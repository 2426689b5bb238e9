"""What all pictures share: colours, sizes, and how a figure is begun and written."""

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
# Of Okabe and Ito, "Color universal design", 2008: told apart by people with any colour vision.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
GREY, FAINT = "#6b7078", "#c9ccd1"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY)
# With more classes than this, numbers in the cells and one named curve a class are no longer readable.
READABLE_CLASSES = 12


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Any, *, title: str, x: str = "", y: str = "") -> None:
    """Title to the left, axes named, no frame, a faint grid."""
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelsize=9)
    axes.grid(color=FAINT, alpha=0.5, linewidth=0.6)
    axes.set_axisbelow(True)


def colours(classes: int) -> list[Any]:
    """A colour for each class."""
    if classes <= len(CYCLE):
        return list(CYCLE[:classes])
    scale = mpl.colormaps["viridis"]
    return [scale(i / (classes - 1)) for i in range(classes)]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, with a palette: a third of the size, and no difference that an eye sees."""
    FigureCanvasAgg(figure)
    whole = BytesIO()
    figure.savefig(whole, dpi=DOTS_PER_INCH, format="png")
    picture = Image.open(whole).convert("RGB")
    picture.quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)
