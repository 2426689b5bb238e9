"""Cuts a recording of any length into overlapping windows, as bounded batches.

A recording is an array, a memory-mapped array, or an iterator of chunks of any size: `[values]`, or
`[values, channels]` with several channels. Window k has the values from `k * stride` on, as many as the
model's series have. Only complete windows are cut: a window is never filled up with invented values, because
they would change its prediction. Values after the last complete window are in no window, unless
`with_end=True` adds one more window that ends with the last value.

The overlap is kept here, so memory does not grow with the recording: a window and a batch are held.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.offset import FLOAT32_END
from app.series.spec import SeriesSpec

# Values of a batch of windows, in all channels, unless a number of windows is given: 1 MiB as float32.
BATCH_VALUES = 2**18
# Time steps of an array that are read at once.
CHUNK_STEPS = 2**16

# Arrays and memory-mapped arrays are read in chunks; anything else yields them.
Recording = NDArray[Any] | Iterable[NDArray[Any]]


class WindowBatch(NamedTuple):
    """Consecutive windows of a recording.

    Attributes:
        windows: `[n, *SeriesSpec.shape]`, C-contiguous, in the recording's dtype.
        starts: `int64[n]`, the position of each window's first value in the recording.
    """

    windows: NDArray[Any]
    starts: NDArray[np.int64]


class WindowCutter:
    """Cuts windows from chunks as they come.

    Args:
        spec: of a window.
        stride: values from the start of a window to the start of the next one, 1 to `spec.length`.
        max_windows: most windows in a batch; None for as many as have `BATCH_VALUES` values, at least one.

    Attributes:
        steps: values that were taken, in one channel.
        windows: windows that were cut.

    Raises:
        ValueError: `stride` or `max_windows` is out of range.
    """

    def __init__(self, spec: SeriesSpec, *, stride: int, max_windows: int | None = None) -> None:
        if not 1 <= stride <= spec.length:
            raise ValueError(f"stride is {stride}; give 1 to {spec.length}, the values of a window")
        if max_windows is not None and max_windows < 1:
            raise ValueError(f"max_windows is {max_windows}; give at least 1")
        self._spec, self._stride = spec, stride
        self._max_windows = max_windows or max(1, BATCH_VALUES // spec.values)
        self._kept: NDArray[Any] | None = None  # the last values, at most a window
        self.steps = 0
        self.windows = 0

    def feed(self, chunk: NDArray[Any]) -> Iterator[WindowBatch]:
        """Take a chunk, and yield the windows that it completes. Exhaust this before the next chunk.

        Args:
            chunk: `[steps]` or `[steps, channels]`, integers or floats; may be empty, and of any size.

        Raises:
            UnreadableSeries: the chunk has another number of channels, or no numbers.
        """
        values = self._checked(chunk)
        # Each piece completes at most one batch, however large the chunk is.
        size = self._max_windows * self._stride
        for start in range(0, len(values), size):
            piece = values[start : start + size]
            self.steps += len(piece)
            joined = piece if self._kept is None else np.concatenate((self._kept, piece))
            batch = self._cut(joined)
            self._kept = joined[-self._spec.length :].copy()  # a view would hold all of them
            if batch is not None:
                yield batch

    def end(self) -> WindowBatch | None:
        """The window that ends with the last value; None if it was cut already.

        Raises:
            UnreadableSeries: the recording is shorter than a window.
        """
        length = self._spec.length
        if self._kept is None or self.steps < length:
            raise UnreadableSeries(
                f"the recording has {self.steps} values; a window of the model has {length}",
                remedy="give a longer recording, or the sampling rate if it is not the model's",
            )
        start = self.steps - length
        if start == (self.windows - 1) * self._stride:
            return None
        self.windows += 1
        return WindowBatch(self._kept[np.newaxis], np.array([start], np.int64))

    def _checked(self, chunk: NDArray[Any]) -> NDArray[Any]:
        values, shape = np.asarray(chunk), self._spec.shape[1:]
        if values.dtype.kind not in "iuf":
            raise UnreadableSeries(f"a recording of dtype {values.dtype}", remedy="give integers or floats")
        if not shape and values.ndim == 2 and values.shape[1] == 1:
            return values[:, 0]
        if values.ndim == 0 or values.shape[1:] != shape:
            wanted = ", ".join(map(str, ("steps", *shape)))
            raise UnreadableSeries(
                f"a recording of shape {values.shape}", remedy=f"give the channels of the model: ({wanted})"
            )
        return values

    def _cut(self, joined: NDArray[Any]) -> WindowBatch | None:
        """The complete windows of these values, which end with the last one that was taken."""
        length, stride = self._spec.length, self._stride
        position = self.steps - len(joined)
        first = self.windows * stride - position  # of the next window
        count = (len(joined) - first - length) // stride + 1
        if count < 1:
            return None
        views = np.lib.stride_tricks.sliding_window_view(joined[first:], length, axis=0)[::stride][:count]
        windows = views if views.ndim == 2 else views.transpose(0, 2, 1)
        starts = np.arange(self.windows, self.windows + count, dtype=np.int64) * stride
        self.windows += count
        return WindowBatch(np.ascontiguousarray(windows), starts)


def cut_windows(
    recording: Recording,
    spec: SeriesSpec,
    *,
    stride: int,
    max_windows: int | None = None,
    with_end: bool = False,
) -> Iterator[WindowBatch]:
    """Yield the windows of a recording in order, in batches of bounded size.

    Args:
        recording: an array, or an iterable of chunks.
        spec: of a window.
        stride: values from the start of a window to the start of the next one, 1 to `spec.length`.
        max_windows: most windows in a batch; None for as many as have `BATCH_VALUES` values, at least one.
        with_end: add a window that ends with the last value, if no other one does.

    Raises:
        ValueError: `stride` or `max_windows` is out of range.
        UnreadableSeries: the recording is shorter than a window, has other channels, or is not numeric.
    """
    cutter = WindowCutter(spec, stride=stride, max_windows=max_windows)
    for chunk in chunks_of(recording):
        yield from cutter.feed(chunk)
    end = cutter.end()
    if with_end and end is not None:
        yield end


def window_count(steps: int, length: int, stride: int) -> int:
    """Number of complete windows of `length` values in a recording of `steps` values."""
    return max(0, (steps - length) // stride + 1)


def without_overlap(windows: int, *, length: int, stride: int, first: int = 0) -> slice:
    """Some of consecutive windows that have no value in common: the last of each `ceil(length / stride)`.

    Args:
        windows: number of windows.
        length: values of a window.
        stride: values from the start of a window to the start of the next one.
        first: position of the first of them among all windows of the recording.
    """
    group = -(-length // stride)
    return slice(group - 1 - first % group, windows, group)


def _leave_memory(recording: NDArray[Any]) -> None:
    """Unmap the pages that were read of a memory-mapped file; the system may keep them in its cache."""
    base: Any = recording.base  # of a slice of a memory-mapped array, another array
    if isinstance(recording, np.memmap) and isinstance(base, mmap.mmap) and recording.mode == "r":
        with suppress(AttributeError, OSError):  # not on every system
            base.madvise(mmap.MADV_DONTNEED)


def chunks_of(recording: Recording) -> Iterator[NDArray[Any]]:
    """Yield a recording in chunks. Those of an array share its memory and have `CHUNK_STEPS` steps.

    A chunk of a file that is mapped read-only leaves the process's memory when the next one is taken.
    """
    if isinstance(recording, np.ndarray) and recording.ndim:
        for start in range(0, len(recording), CHUNK_STEPS):
            yield recording[start : start + CHUNK_STEPS]
            _leave_memory(recording)
    elif isinstance(recording, np.ndarray):
        yield recording  # a single number: `WindowCutter` says what is wrong
    else:
        yield from recording


def finite_chunks(recording: Recording) -> Iterator[NDArray[Any]]:
    """Yield a recording in chunks, as `chunks_of` does, and check that its values are finite as float32.

    Raises:
        UnreadableSeries: a value is not; the message has its position in the recording.
    """
    position = 0
    for chunk in chunks_of(recording):
        values = np.asarray(chunk)
        if values.dtype.kind == "f":
            is_short = values.itemsize <= np.dtype(np.float32).itemsize
            is_valid = np.isfinite(values) if is_short else np.abs(values) < FLOAT32_END
            if not is_valid.all():
                step = position + int(np.argwhere(~is_valid)[0][0]) if values.ndim else position
                raise UnreadableSeries(
                    f"value {step} of the recording is not a finite number within the range of float32",
                    remedy="fill gaps before, or cut the recording there",
                )
        position += len(values) if values.ndim else 1
        yield values
