"""A recording of real series of both classes: its changes are found where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.inference.engines import load_engine
from app.inference.predictions import Postprocessor
from app.series.offset import narrow
from app.series.timeline import Timeline, TimelineBuilder
from app.series.windows import cut_windows
from tests.conftest import LabelledSeries

# Steps that two neighbouring series share: a jump from one to the other would be a signal of its own.
FADE = 100
RUNS = (("-1", 12), ("1", 9), ("-1", 15), ("1", 12))


def joined(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two series with a cross-fade of equal power."""
    weights = np.sin(np.linspace(0, np.pi / 2, FADE))
    faded = first[-FADE:] * weights[::-1] + second[:FADE] * weights
    return np.concatenate([first[:-FADE], faded, second[FADE:]]).astype(np.float32)


def recording(data: LabelledSeries) -> tuple[NDArray[np.float32], list[int]]:
    """Series of both classes one after the other, and where the class changes."""
    random, ends = np.random.default_rng(7), []
    whole: NDArray[np.float32] | None = None
    for label, count in RUNS:
        for number in random.choice(np.flatnonzero(data.labels == label), count, replace=False):
            series = data.series[number]
            whole = series if whole is None else joined(whole, series)
        assert whole is not None
        ends.append(len(whole))
    assert whole is not None
    return whole, ends[:-1]


@pytest.fixture(scope="module")
def timelines(artifact: Artifact, forda_test: LabelledSeries) -> dict[int, Timeline]:
    """The recording's timeline for each of several strides."""
    contract = artifact.contract
    engine = load_engine(artifact, choice="openvino", max_rows=256, threads=1)
    postprocess = Postprocessor(contract)
    whole, _ = recording(forda_test)
    made = {}
    for stride in (50, 125, 500):
        labels = [label.name for label in contract.labels]
        builder = TimelineBuilder(labels, length=contract.input.length, stride=stride)
        for windows, starts in cut_windows(whole, contract.input.spec, stride=stride, max_windows=256):
            series = narrow(windows).series
            found = postprocess(series, engine.predict(series))
            builder.add(starts, found.probabilities, found.ood_scores)
        made[stride] = builder.finish()
    return made


@pytest.mark.parametrize("stride", [50, 125, 500])
def test_changes_are_found_within_a_window(
    timelines: dict[int, Timeline], forda_test: LabelledSeries, artifact: Artifact, stride: int
) -> None:
    """All of them and no other, each within one window of the truth, which is in its interval."""
    _, truth = recording(forda_test)
    made = timelines[stride]
    assert [part.label for part in made.segments] == [label for label, _ in RUNS]
    for change, place in zip(made.changes, truth, strict=True):
        assert abs(change.position - place) <= artifact.contract.input.length
        assert change.low - FADE <= place <= change.high + FADE


def test_a_recording_like_the_training_data_is_hardly_unusual(timelines: dict[int, Timeline]) -> None:
    """A few windows of a hundred are above the threshold, as the score's definition says."""
    made = timelines[500]
    assert sum(part.windows for part in made.unusual) <= made.windows // 10


def test_a_plot_can_be_drawn(timelines: dict[int, Timeline], tmp_path: Path) -> None:
    """Of a real timeline."""
    from app.series.timeline.plot import plot_timeline

    plot_timeline(timelines[125], tmp_path / "timeline.png")
    assert (tmp_path / "timeline.png").stat().st_size > 10_000
