"""The windows of a recording as the series of a call, and their predictions."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from app.client.errors import InvalidOptions
from app.client.results import Predictions
from app.client.schemas import ModelDescription
from app.series.readers.recording import read_recording
from app.series.resampling import resample
from app.series.spec import SeriesSpec
from app.series.timeline import Timeline, TimelineBuilder
from app.series.windows import Recording, cut_windows, finite_chunks

# An array `[steps]` or `[steps, channels]`, the path of a file, or chunks: a list or iterator of such arrays.
RecordingInput: TypeAlias = Recording | str | os.PathLike[str]


class WindowOptions(TypedDict, total=False):
    """How a recording is cut.

    Attributes:
        stride: time steps from one window to the next, 1 to the model's length; None for that length.
        rate: sampling rate of the recording, in any unit. If it is not `model_rate`, the recording is
            resampled first, and all positions are those of the model's rate.
        model_rate: sampling rate of the model's training data, in the same unit.
        with_end: add a window that ends with the last value, if no other one does.
    """

    stride: int | None
    rate: float | None
    model_rate: float | None
    with_end: bool


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Predictions for consecutive windows of a recording.

    Attributes:
        starts: `int64[n]`, the position of each window's first value, after resampling if there is any.
        predictions: one for each window.
    """

    starts: NDArray[np.int64]
    predictions: Predictions


@dataclass(frozen=True, slots=True)
class WindowPredictions(WindowBatch):
    """Predictions for all windows of a recording.

    Attributes:
        timeline: labels over time, change points and stretches unlike the training data.
    """

    timeline: Timeline


class Windows:
    """Cuts the windows of one recording for one call, and knows where the windows of each answer start.

    Iterate over it to send the windows, `[n, *SeriesSpec.shape]` at a time. It holds a batch of windows, and
    the starts of those without an answer.

    Args:
        recording: to cut.
        model: that the windows are for.
        options: how to cut it.

    Raises:
        InvalidOptions: an option is out of range, or only one of both rates is given.
        UnreadableSeries: the ratio of the rates cannot be used.
    """

    def __init__(self, recording: RecordingInput, model: ModelDescription, options: WindowOptions) -> None:
        taken = model.contract.input
        self._spec = SeriesSpec(taken.length, taken.channels)
        self._stride = _stride_of(options, model)
        rate, model_rate = options.get("rate"), options.get("model_rate")
        if (rate is None) != (model_rate is None):
            raise InvalidOptions("give both the recording's rate and the model's, or neither")
        self._batches = self._cut(recording, model.limits.max_instances, options)
        self._starts: deque[NDArray[np.int64]] = deque()

    def batch(self, predictions: Predictions) -> WindowBatch:
        """The next predictions in order, with the starts of their windows."""
        missing, starts = len(predictions), []
        while missing:
            first = self._starts.popleft()
            if len(first) > missing:
                self._starts.appendleft(first[missing:])
            starts.append(first[:missing])
            missing -= len(starts[-1])
        return WindowBatch(np.concatenate(starts), predictions)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield the windows in batches."""
        for windows, starts in self._batches:
            self._starts.append(starts)
            yield windows

    def _cut(
        self, recording: RecordingInput, max_windows: int, options: WindowOptions
    ) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
        rate, model_rate = options.get("rate"), options.get("model_rate")
        values: Recording = recording_of(recording)
        if rate is not None and model_rate is not None:
            values = resample(values, rate=rate, model_rate=model_rate)
        return cut_windows(
            finite_chunks(values),
            self._spec,
            stride=self._stride,
            max_windows=max_windows,
            with_end=options.get("with_end", False),
        )


def timeline_of(
    model: ModelDescription, options: WindowOptions, *, duration: float | None = None
) -> TimelineBuilder:
    """Makes the timeline of a recording from the batches of predictions.

    Args:
        model: that the windows are for.
        options: how the recording is cut.
        duration: expected time steps between two changes of the label; None for 20 windows.

    Raises:
        InvalidOptions: the stride or the duration is out of range.
    """
    stride, length = _stride_of(options, model), model.contract.input.length
    try:
        return TimelineBuilder(model.npy_fields.classes, length=length, stride=stride, duration=duration)
    except ValueError as error:
        raise InvalidOptions(f"duration is {duration}; give a positive number") from error


def _stride_of(options: WindowOptions, model: ModelDescription) -> int:
    stride, length = options.get("stride"), model.contract.input.length
    if stride is None:
        return length
    if not 1 <= stride <= length:
        raise InvalidOptions(f"stride is {stride}; give 1 to {length}")
    return stride


def recording_of(recording: RecordingInput) -> Recording:
    """A recording as an array or as chunks; a file is mapped into memory or read in chunks.

    Raises:
        UnreadableSeries: a file cannot be read.
    """
    if isinstance(recording, (str, os.PathLike)):
        return read_recording(Path(recording))
    if isinstance(recording, (list, tuple)) and not any(
        isinstance(each, np.ndarray) for each in recording[:1]
    ):
        return np.asarray(recording)  # numbers, or lists of them; arrays are chunks
    return recording


def joined(batches: Sequence[WindowBatch], timeline: TimelineBuilder) -> WindowPredictions:
    """All batches of one recording, and their timeline, which has them already."""
    return WindowPredictions(
        np.concatenate([batch.starts for batch in batches]),
        Predictions.joined([batch.predictions for batch in batches]),
        timeline.finish(),
    )


def add(timeline: TimelineBuilder, batch: WindowBatch) -> None:
    """Add a batch to a timeline."""
    timeline.add(batch.starts, batch.predictions.probabilities, batch.predictions.ood_scores)
