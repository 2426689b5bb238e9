"""The plot of a timeline is a PNG; without Matplotlib there is one line that says what to install."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from app.errors import UnreadableSeries
from app.series.timeline.plot import plot_timeline
from tests.app.series.timeline.test_builder import certain, timeline

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("rate", [None, 100.0])
def test_a_plot_is_a_png(tmp_path: Path, rate: float | None) -> None:
    """With changes and unusual stretches, over time steps or seconds."""
    made = timeline(certain([0] * 40 + [2] * 40), scores=np.linspace(0, 1, 80))
    plot_timeline(made, tmp_path / "timeline.png", rate=rate, title="pump 3")
    assert (tmp_path / "timeline.png").read_bytes().startswith(PNG)


def test_a_plot_of_one_window_is_a_png(tmp_path: Path) -> None:
    """Without changes, stretches or a line between points."""
    plot_timeline(timeline(certain([1])), tmp_path / "timeline.png")
    assert (tmp_path / "timeline.png").read_bytes().startswith(PNG)


def test_without_matplotlib_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not a module."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UnreadableSeries, match=r"timeseries-server\[recordings\]"):
        plot_timeline(timeline(certain([1])), tmp_path / "timeline.png")
