"""Windows of a recording: the same however it comes, bounded, and never with invented values."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.spec import SeriesSpec
from app.series.windows import CHUNK_STEPS, WindowCutter, cut_windows, window_count
from qa.harness.proc import memory


@st.composite
def recordings(draw: st.DrawFn) -> tuple[NDArray[np.float64], SeriesSpec, int, int, list[int]]:
    """A recording, the spec and stride of its windows, a batch's windows, and places to split it at."""
    spec = SeriesSpec(draw(st.integers(1, 12)), channels=draw(st.integers(1, 3)))
    steps = draw(st.integers(spec.length, 80))
    stride, most = draw(st.integers(1, spec.length)), draw(st.integers(1, 5))
    splits = sorted(draw(st.lists(st.integers(0, steps), max_size=6)))
    values = np.arange(steps * spec.channels, dtype=np.float64).reshape(steps, *spec.shape[1:])
    return values, spec, stride, most, splits


@given(recordings())
def test_windows_are_the_same_however_the_recording_comes(
    made: tuple[NDArray[np.float64], SeriesSpec, int, int, list[int]],
) -> None:
    """Each complete window once, in order, in bounded batches; as an array or in chunks of any size."""
    values, spec, stride, most, splits = made
    count = window_count(len(values), spec.length, stride)
    expected = [values[k * stride : k * stride + spec.length] for k in range(count)]
    for recording in (values, iter(np.split(values, splits))):
        batches = list(cut_windows(recording, spec, stride=stride, max_windows=most))
        assert all(1 <= len(batch.windows) <= most for batch in batches)
        assert all(batch.windows.flags.c_contiguous for batch in batches)
        windows = np.concatenate([batch.windows for batch in batches])
        starts = np.concatenate([batch.starts for batch in batches])
        assert np.array_equal(windows, np.stack(expected))
        assert starts.tolist() == [k * stride for k in range(count)]


@given(recordings())
def test_a_window_at_the_end_covers_the_last_value(
    made: tuple[NDArray[np.float64], SeriesSpec, int, int, list[int]],
) -> None:
    """With `with_end`, every value is in a window, and no window comes twice."""
    values, spec, stride, _, splits = made
    batches = list(cut_windows(iter(np.split(values, splits)), spec, stride=stride, with_end=True))
    starts = [int(start) for batch in batches for start in batch.starts]
    assert starts[-1] == len(values) - spec.length
    assert all(0 < after - before <= stride for before, after in pairwise(starts))
    assert np.array_equal(batches[-1].windows[-1], values[-spec.length :])


def test_a_memory_mapped_file_is_cut_like_an_array(tmp_path: Path) -> None:
    """Also where it is longer than a chunk."""
    values = np.arange(2 * CHUNK_STEPS + 5, dtype=np.int16)
    np.save(tmp_path / "recording.npy", values)
    mapped = np.load(tmp_path / "recording.npy", mmap_mode="r")
    spec, stride = SeriesSpec(1000), 333
    found = np.concatenate([batch.windows for batch in cut_windows(mapped, spec, stride=stride)])
    assert found.dtype == np.int16
    expected = np.lib.stride_tricks.sliding_window_view(values, 1000)[::stride]
    assert np.array_equal(found, expected)


def test_a_mapped_file_does_not_stay_in_memory(tmp_path: Path) -> None:
    """80 MB of a file are read, and the process holds hardly more than before."""
    np.save(tmp_path / "recording.npy", np.zeros(20_000_000, np.float32))
    mapped = np.load(tmp_path / "recording.npy", mmap_mode="r")
    before, _ = memory(os.getpid())
    most = 0
    for number, _ in enumerate(cut_windows(mapped, SeriesSpec(500), stride=500)):
        if number % 50 == 0:
            most = max(most, memory(os.getpid())[0])
    assert most < before + 30 * 1024 * 1024


def test_memory_does_not_grow_with_the_recording() -> None:
    """Ten million values, in chunks of any size, take no more than a few batches."""

    def chunks() -> Iterator[NDArray[np.float32]]:
        for size in (1, 999_999, 1_000_000):
            for _ in range(5):
                yield np.zeros(size, np.float32)

    tracemalloc.start()
    try:
        windows = sum(len(batch.windows) for batch in cut_windows(chunks(), SeriesSpec(500), stride=125))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert windows == window_count(10_000_000, 500, 125)
    assert peak < 16 * 1024 * 1024  # a chunk is 4 MB


@pytest.mark.parametrize("stride", [0, -1, 11])
def test_a_stride_is_between_one_and_a_window(stride: int) -> None:
    """A longer one would leave values out, and none would never end."""
    with pytest.raises(ValueError, match=f"stride is {stride}; give 1 to 10"):
        WindowCutter(SeriesSpec(10), stride=stride)


def test_a_batch_has_at_least_one_window() -> None:
    """A limit of none is an error."""
    with pytest.raises(ValueError, match="max_windows is 0"):
        WindowCutter(SeriesSpec(10), stride=1, max_windows=0)


def test_a_recording_shorter_than_a_window_is_refused() -> None:
    """The message has both lengths."""
    with pytest.raises(UnreadableSeries, match="has 9 values; a window of the model has 10"):
        list(cut_windows(np.zeros(9), SeriesSpec(10), stride=1))


@pytest.mark.parametrize(
    ("chunk", "channels", "message"),
    [
        (np.zeros((20, 2)), 1, r"shape \(20, 2\); give the channels of the model: \(steps\)"),
        (np.zeros(20), 3, r"shape \(20,\); give the channels of the model: \(steps, 3\)"),
        (np.array(1.0), 1, r"shape \(\)"),
        (np.array(["a"] * 20), 1, "dtype <U1; give integers or floats"),
        (np.zeros(20, bool), 1, "dtype bool"),
    ],
    ids=["channels", "no channels", "a number", "text", "bool"],
)
def test_what_is_no_recording_of_the_model_is_refused(
    chunk: NDArray[np.float64], channels: int, message: str
) -> None:
    """With what it is, and what to give."""
    with pytest.raises(UnreadableSeries, match=message):
        list(cut_windows(chunk, SeriesSpec(10, channels=channels), stride=1))


def test_one_channel_may_have_an_axis() -> None:
    """As series of the model may."""
    (batch,) = cut_windows(np.zeros((12, 1)), SeriesSpec(10), stride=2)
    assert batch.windows.shape == (2, 10)
