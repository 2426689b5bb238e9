"""Draws the explanation of a series. Matplotlib, of the extra `recordings`, is imported at the first use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.client import Explanations
from app.client.explanations.results import Part
from app.series.timeline.plot import import_figure

_WIDTH = 11.0  # inches
_DPI = 150
# Red speaks for the label, blue against it.
_COLOURS, _FOR, _AGAINST = "RdBu_r", "#b2182b", "#2166ac"


class Drawing(NamedTuple):
    """What to draw.

    Attributes:
        series: `[length]` or `[length, channels]`.
        explanations: of one series.
        title: of the plot.
        rate: time steps in a second, for axes in seconds and hertz; None for time steps and cycles per step.
    """

    series: NDArray[Any]
    explanations: Explanations
    title: str
    rate: float | None = None

    @property
    def seconds(self) -> float:
        """What times are multiplied by."""
        return 1.0 if self.rate is None else 1 / self.rate

    @property
    def hertz(self) -> float:
        """What frequencies are multiplied by."""
        return 1.0 if self.rate is None else self.rate


def plot_explanation(drawing: Drawing, path: Path) -> None:
    """Draw a series, and below it the importance of windows, of cells and of bands.

    Args:
        drawing: what to draw.
        path: of the PNG file, which is overwritten.

    Raises:
        UnreadableSeries: Matplotlib is not installed.
        OSError: the file cannot be written.
    """
    found = drawing.explanations
    heights = [3, *([2] if found.time else []), *([4] if found.cells or found.frequency else [])]
    widths = [4, 1] if found.cells and found.frequency else [4]  # bands are beside cells, or below the series
    figure = import_figure()(figsize=(_WIDTH, 1.0 + 0.7 * sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), len(widths), width_ratios=widths, height_ratios=heights)
    over_time = [figure.add_subplot(grid[0, 0])]
    _draw_series(over_time[0], drawing)
    if found.time is not None:
        over_time.append(axes := figure.add_subplot(grid[1, 0], sharex=over_time[0]))
        _draw_bars(axes, found.time, found.time.windows, drawing.seconds)
        axes.set(ylabel="importance\nof windows")
    if found.cells is not None:
        over_time.append(axes := figure.add_subplot(grid[-1, 0], sharex=over_time[0]))
        _draw_cells(figure, axes, found.cells, drawing)
    if found.frequency is not None:
        beside = over_time[-1] if found.cells is not None else None
        axes = figure.add_subplot(grid[-1, 1 if beside else 0], sharey=beside)
        _draw_bands(axes, found.frequency, drawing, is_beside_cells=beside is not None)
    for axes in over_time[:-1]:
        axes.tick_params(labelbottom=False)
    over_time[-1].set_xlabel("time step" if drawing.rate is None else "seconds")
    figure.savefig(path, format="png", dpi=_DPI)


def _draw_series(axes: Any, drawing: Drawing) -> None:
    found = drawing.explanations
    times = np.arange(len(drawing.series)) * drawing.seconds
    axes.plot(times, drawing.series, linewidth=0.8, color="0.2" if drawing.series.ndim == 1 else None)
    facts = f"{drawing.title}: probability {found.probabilities[0]:.4g} of label {found.labels[0]}"
    if not np.isnan(found.unlike[0]):
        facts += f"; {100 * found.unlike[0]:.0f} % of the perturbed copies are unlike the training data"
    legend = "red: perturbing the region lowers the probability; blue: it raises it"
    # A label or a file may have a `$` in its name.
    axes.set_title(f"{facts}\n{legend}", fontsize="medium", loc="left", parse_math=False)
    axes.set(ylabel="series", xlim=(0, len(drawing.series) * drawing.seconds))


def _draw_bars(
    axes: Any, part: Part, regions: NDArray[np.float64] | None, scale: float, *, is_upright: bool = True
) -> None:
    """A bar for each region, as wide as it is far to its neighbours: regions may overlap."""
    assert regions is not None  # noqa: S101 - the part's own axis
    edges = _borders(regions) * scale
    values = part.importances[0]
    colours = [_FOR if value > 0 else _AGAINST for value in values]
    draw = axes.bar if is_upright else axes.barh
    draw(edges[:-1], values, np.diff(edges), align="edge", color=colours, edgecolor="white", linewidth=0.5)
    (axes.axhline if is_upright else axes.axvline)(0, color="0.4", linewidth=0.8)


def _draw_bands(axes: Any, part: Part, drawing: Drawing, *, is_beside_cells: bool) -> None:
    _draw_bars(axes, part, part.bands, drawing.hertz, is_upright=not is_beside_cells)
    if is_beside_cells:
        axes.set(xlabel="importance\nof bands")
        axes.tick_params(labelleft=False)
    else:
        axes.set(xlabel=_frequency_unit(drawing), ylabel="importance\nof bands", xlim=(0, drawing.hertz / 2))


def _draw_cells(figure: Any, axes: Any, part: Part, drawing: Drawing) -> None:
    assert part.windows is not None  # noqa: S101 - cells have both
    assert part.bands is not None  # noqa: S101 - as above
    values = part.importances[0].T
    most = float(np.abs(values).max()) or 1.0
    mesh = axes.pcolormesh(
        _borders(part.windows) * drawing.seconds,
        _borders(part.bands) * drawing.hertz,
        values,
        cmap=_COLOURS,
        vmin=-most,
        vmax=most,
    )
    axes.set(ylabel=_frequency_unit(drawing))
    figure.colorbar(mesh, ax=axes, location="bottom", label="importance of cells", shrink=0.5, aspect=50)


def _frequency_unit(drawing: Drawing) -> str:
    return "frequency, cycles per step" if drawing.rate is None else "frequency, Hz"


def _borders(regions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Borders `float64[k + 1]` between regions that may overlap: halfway from one centre to the next."""
    centres = regions.mean(axis=1)
    inner = (centres[1:] + centres[:-1]) / 2
    borders: NDArray[np.float64] = np.concatenate([regions[:1, 0], inner, regions[-1:, 1]])
    return borders
