"""`app.telemetry.drift.independence`: overlapping windows, repeated series, dead sensors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.series.offset import narrow
from app.series.windows import without_overlap
from app.telemetry.drift.independence import RepetitionFilter, are_constant, stride_of

LENGTH = 100


def recording(seed: int, *, offset: float = 0.0, digits: int = 6) -> np.ndarray:
    """A random walk, as sensors make them."""
    random = np.random.default_rng(seed)
    return np.round(np.cumsum(random.standard_normal(1000)) + offset, digits)


@given(
    stride=st.integers(1, LENGTH - 8),
    offset=st.sampled_from([0.0, 1e5]),
    digits=st.sampled_from([6, 2]),
    seed=st.integers(0, 100),
)
def test_windows_of_one_recording_are_recognised(stride: int, offset: float, digits: int, seed: int) -> None:
    """By their values, also if each window's own offset was subtracted."""
    cut = np.lib.stride_tricks.sliding_window_view(recording(seed, offset=offset, digits=digits), LENGTH)
    assert stride_of(narrow(cut[::stride][:3]).series) == stride


def test_windows_of_several_channels_are_recognised() -> None:
    """By the first one."""
    cut = np.lib.stride_tricks.sliding_window_view(recording(1), LENGTH)[::7][:2].astype(np.float32)
    assert stride_of(np.stack([cut, cut[::-1]], axis=2)) == 7


@pytest.mark.parametrize("digits", [6, 2, 0])
def test_other_series_are_not(digits: int) -> None:
    """Coarse values agree here and there, by chance."""
    for seed in range(50):
        series = np.stack(
            [recording(seed, digits=digits)[:LENGTH], recording(seed + 500, digits=digits)[:LENGTH]]
        )
        assert stride_of(series.astype(np.float32)) is None


def test_constant_and_short_series_do_not_overlap() -> None:
    """A dead sensor is counted each time."""
    assert stride_of(np.ones((2, LENGTH), np.float32)) is None
    assert stride_of(np.array([[1, 2, 3], [2, 3, 4]], np.float32)) is None


@given(length=st.integers(1, 300), stride=st.integers(1, 300), sizes=st.lists(st.integers(0, 40), max_size=8))
def test_windows_that_are_counted_have_no_value_in_common(length: int, stride: int, sizes: list[int]) -> None:
    """However the windows of a recording come in parts; about as many as fit side by side."""
    counted, start = [], 0
    for size in sizes:
        chosen = without_overlap(size, length=length, stride=stride, first=start)
        counted += [start + window for window in range(size)[chosen]]
        start += size
    starts = [window * stride for window in counted]
    assert all(later - earlier >= length for earlier, later in pairwise(starts))
    assert len(counted) == start // -(-length // stride)


def test_a_repeated_series_is_new_once() -> None:
    """In one call and in later ones."""
    random = np.random.default_rng(1)
    series = random.standard_normal((50, LENGTH)).astype(np.float32)
    known = RepetitionFilter(LENGTH)
    assert known.are_new(np.concatenate([series, series[:10]])).tolist() == [True] * 50 + [False] * 10
    assert np.count_nonzero(known.are_new(series)) <= 2  # two may share a place
    assert np.count_nonzero(known.are_new(series + 1)) >= 49


def test_a_series_that_is_always_sent_stays_rare() -> None:
    """Also among many others that take its place."""
    random = np.random.default_rng(2)
    known, probe, counted = RepetitionFilter(LENGTH), np.ones((1, LENGTH), np.float32), 0
    for _ in range(300):
        known.are_new(random.standard_normal((100, LENGTH)).astype(np.float32))
        counted += int(known.are_new(probe)[0])
    assert counted <= 20


def test_constant_series_are_found() -> None:
    """Not those that end where they began."""
    series = np.array([[1, 1, 1], [1, 2, 1], [0, 0, 0], [1, 1, 2]], np.float32)
    assert are_constant(series).tolist() == [True, False, True, False]
    assert are_constant(series.reshape(2, 3, 2)[:, :, :]).tolist() == [False, False]
