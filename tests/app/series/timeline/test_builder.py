"""Timelines of made-up probabilities: segments, change points, unusual stretches, and their document."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.series.timeline import Timeline, TimelineBuilder
from app.series.timeline.builder import CURVE_POINTS

LABELS = ("a", "b", "c")
LENGTH = 100


def timeline(
    probabilities: NDArray[np.float64],
    *,
    stride: int = 50,
    scores: NDArray[np.float64] | None = None,
    batch: int = 5,
    **arguments: Any,
) -> Timeline:
    """The timeline of windows, taken in batches."""
    labels = LABELS[: probabilities.shape[1]]
    builder = TimelineBuilder(labels, length=LENGTH, stride=stride, **arguments)
    starts = np.arange(len(probabilities), dtype=np.int64) * stride
    for first in range(0, len(starts), batch):
        part = slice(first, first + batch)
        builder.add(starts[part], probabilities[part], None if scores is None else scores[part])
    return builder.finish()


def certain(labels: list[int], *, sure: float = 0.99) -> NDArray[np.float64]:
    """Probabilities of three classes, each window nearly certain of its label."""
    rows = np.full((len(labels), 3), (1 - sure) / 2)
    rows[np.arange(len(labels)), labels] = sure
    return rows


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), min_size=1, max_size=8), st.integers(1, 9))
def test_segments_have_no_gaps_and_changes_lie_between_them(runs: list[tuple[int, int]], batch: int) -> None:
    """Whatever the windows say: what one segment ends, the next one begins, with another label."""
    made = timeline(certain([label for label, count in runs for _ in range(count)], sure=0.8), batch=batch)
    assert made.segments[0].start == made.start == 0
    assert made.segments[-1].end == made.end
    assert sum(part.windows for part in made.segments) == made.windows
    assert len(made.changes) == len(made.segments) - 1
    for (before, after), change in zip(pairwise(made.segments), made.changes, strict=True):
        assert before.end == after.start == change.position
        assert (before.label, after.label) == (change.before, change.after)
        assert before.label != after.label
        assert change.low <= change.position <= change.high
    for first, second in pairwise(made.changes):
        assert first.high <= second.position
        assert first.position <= second.low


@given(st.integers(1, 40))
def test_batches_change_nothing(batch: int) -> None:
    """The timeline is that of the windows, however they are grouped."""
    probabilities = np.random.default_rng(3).dirichlet([0.3, 0.3, 0.3], size=200)
    assert timeline(probabilities, batch=batch) == timeline(probabilities, batch=200)


def test_a_clear_change_is_between_the_two_windows() -> None:
    """Its interval is a few windows wide, and holds the middle between both centres."""
    made = timeline(certain([0] * 40 + [2] * 40))
    (change,) = made.changes
    # Window 39 starts at 1950 and window 40 at 2000; their centres are 2000 and 2050.
    assert change.position == 2025
    assert (change.before, change.after) == ("a", "c")
    assert 2025 - 2 * LENGTH <= change.low < 2025 < change.high <= 2025 + 2 * LENGTH


def test_a_gradual_change_has_a_wider_interval() -> None:
    """The less the windows say, the less is known of where it was."""
    slow = np.concatenate([np.full(30, 0.05), np.linspace(0.05, 0.95, 40), np.full(30, 0.95)])
    fast = np.concatenate([np.full(50, 0.05), np.full(50, 0.95)])
    (gradual,), (sharp,) = (
        timeline(np.stack([1 - second, second], axis=1)).changes for second in (slow, fast)
    )
    assert gradual.high - gradual.low > 2 * (sharp.high - sharp.low)


def test_one_window_of_another_label_is_no_segment() -> None:
    """Smoothing is what a timeline is for."""
    made = timeline(certain([0] * 20 + [1] + [0] * 20), stride=100)
    assert [part.label for part in made.segments] == ["a"]
    assert made.changes == ()


def test_unusual_windows_that_touch_are_one_stretch() -> None:
    """From the first step of the first window to the last step of the last one, with the highest score."""
    scores = np.zeros(20)
    scores[[3, 4, 6, 15]] = 0.995, 0.999, 0.992, 1.0
    made = timeline(certain([0] * 20), scores=scores)
    assert [(part.start, part.end, part.max_ood_score, part.windows) for part in made.unusual] == [
        (150, 400, 0.999, 3),
        (750, 850, 1.0, 1),
    ]
    assert made.ood_threshold == 0.99


def test_a_model_without_scores_has_no_threshold() -> None:
    """None is not the same as no unusual stretch."""
    made = timeline(certain([0] * 20))
    assert made.ood_threshold is None
    assert made.unusual == ()


def test_the_document_has_every_attribute_but_the_curve() -> None:
    """As one line of JSON that reads back as the same numbers."""
    made = timeline(certain([0] * 40 + [1] * 40), scores=np.linspace(0, 1, 80))
    text = made.to_json()
    document = json.loads(text)
    assert "\n" not in text
    assert document.keys() == {name for name in Timeline.__slots__ if name != "curve"}
    assert document["changes"][0].keys() == {"position", "low", "high", "before", "after"}
    assert document["segments"][1]["label"] == "b"
    assert document["unusual"][0]["windows"] == len(np.flatnonzero(np.linspace(0, 1, 80) > 0.99))


def test_a_single_window_has_a_timeline() -> None:
    """One segment, as long as the window."""
    made = timeline(certain([1]))
    assert [(part.start, part.end, part.label) for part in made.segments] == [(0, LENGTH, "b")]


def test_memory_does_not_grow_with_the_recording() -> None:
    """Five times as many windows take no more, and the curve has a bounded number of points."""
    peaks, probabilities = [], certain([0] * 300 + [1] * 300 + [2] * 300)
    for rounds in (6, 30):
        builder = TimelineBuilder(LABELS, length=LENGTH, stride=LENGTH)
        tracemalloc.start()
        for number in range(rounds):
            builder.add((np.arange(900) + 900 * number) * LENGTH, probabilities)
        made = builder.finish()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(made.curve.positions) <= CURVE_POINTS
        assert np.allclose(made.curve.probabilities.sum(axis=1), 1)
        assert made.curve.positions[0] < made.curve.positions[-1] < made.end
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": ()}, "needs labels"),
        ({"stride": 0}, "positive numbers"),
        ({"duration": 0.0}, "positive numbers"),
        ({"priors": [1.0]}, "3 labels need as many positive priors"),
        ({"priors": [1.0, 0.0, 1.0]}, "positive priors"),
    ],
    ids=str,
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    """When the builder is made, not at its first window."""
    given_ = {"labels": LABELS, "length": LENGTH, "stride": 50, **arguments}
    with pytest.raises(ValueError, match=message):
        TimelineBuilder(given_.pop("labels"), **given_)


def test_windows_that_do_not_fit_are_refused() -> None:
    """Another number of labels, or a start that does not come after the last one."""
    builder = TimelineBuilder(LABELS, length=LENGTH, stride=50)
    with pytest.raises(ValueError, match="do not fit probabilities of shape"):
        builder.add(np.array([0, 50]), np.ones((2, 2)))
    builder.add(np.array([0, 50]), certain([0, 0]))
    with pytest.raises(ValueError, match="must ascend"):
        builder.add(np.array([50]), certain([0]))


def test_no_window_has_no_timeline() -> None:
    """It is an error, also after an empty batch."""
    builder = TimelineBuilder(LABELS, length=LENGTH, stride=50)
    builder.add(np.empty(0, np.int64), np.empty((0, 3)))
    with pytest.raises(ValueError, match="at least one window"):
        builder.finish()
