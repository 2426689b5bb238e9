"""Draws a timeline as a PNG.

Matplotlib is no part of the base install: it comes with the extra `recordings`, and is imported at the first
use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.errors import UnreadableSeries
from app.series.timeline.document import Timeline

_SIZE = (11.0, 4.2)  # inches
_DPI = 150
_COLOURS = 10  # of matplotlib's cycle: C0 to C9


def plot_timeline(timeline: Timeline, path: Path, *, rate: float | None = None, title: str = "") -> None:
    """Draw the posterior probabilities, segments, change points with intervals, and unusual stretches.

    Args:
        timeline: of a recording.
        path: of the PNG file, which is overwritten.
        rate: time steps in a second, for an axis in seconds; None for an axis in time steps.
        title: of the plot.

    Raises:
        UnreadableSeries: Matplotlib is not installed.
        OSError: the file cannot be written.
    """
    figure_class = import_figure()
    figure = figure_class(figsize=_SIZE, layout="constrained")
    curves, bar = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    scale = 1.0 if rate is None else 1 / rate
    for number, label in enumerate(timeline.labels):
        curves.plot(
            timeline.curve.positions * scale,
            timeline.curve.probabilities[:, number],
            color=_colour(number),
            label=f"label {label}",
        )
    for number, change in enumerate(timeline.changes):
        curves.axvspan(
            change.low * scale,
            change.high * scale,
            color="0.85",
            label="change, 95 % interval" if number == 0 else None,
        )
        curves.axvline(change.position * scale, color="0.4", linewidth=0.8)
    _draw_bar(bar, timeline, scale)
    curves.set(ylabel="posterior probability", ylim=(-0.02, 1.02), title=title)
    curves.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    bar.set(
        xlabel="time step" if rate is None else "seconds", xlim=(timeline.start * scale, timeline.end * scale)
    )
    figure.savefig(path, format="png", dpi=_DPI)


def _draw_bar(axes: Any, timeline: Timeline, scale: float) -> None:
    """Segments in the colours of their labels, and unusual stretches above them."""
    columns = {label: number for number, label in enumerate(timeline.labels)}
    spans = [(part.start * scale, (part.end - part.start) * scale) for part in timeline.segments]
    colours = [_colour(columns[part.label]) for part in timeline.segments]
    axes.broken_barh(spans, (0, 1), facecolors=colours)
    unusual = [(part.start * scale, (part.end - part.start) * scale) for part in timeline.unusual]
    axes.broken_barh(unusual, (1.1, 0.9), facecolors="black")
    axes.set(yticks=(0.5, 1.5), yticklabels=("label", "unusual"), ylim=(0, 2.1))


def _colour(number: int) -> str:
    return f"C{number % _COLOURS}"


def import_figure() -> Any:
    """The class of Matplotlib's figures; raises UnreadableSeries if it is not installed."""
    try:
        # Not pyplot: it keeps figures, and needs a display on some systems.
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnreadableSeries(
            "a plot needs Matplotlib, which is not installed",
            remedy='install the extra: pip install "timeseries-server[recordings]"',
        ) from error
    return Figure
