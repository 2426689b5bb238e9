"""The shape of a model's series, and whether offset and scale matter to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Values of a series, in all channels: a batch of 256 series of this size is 1 GiB.
MAX_LENGTH = 2**20


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """The series of one model.

    Everywhere outside a model, n series are an array `[n, *shape]`: `[n, length]` where the model has one
    channel, `[n, length, channels]` where it has several. Most models have one, and an axis of size 1 would
    complicate all code that reads values. A model itself always takes `[n, length, channels]`; `model_input`
    converts both.

    Attributes:
        length: values in a channel.
        channels: of a series.
        is_invariant: whether the model's prediction stays the same when any one channel of a series is
            shifted by a number or multiplied by a positive one.
        shape: of one series: `(length,)`, or `(length, channels)` with several channels.
    """

    length: int
    channels: int = 1
    is_invariant: bool = True
    shape: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the shape once: every request needs it."""
        shape = (self.length,) if self.channels == 1 else (self.length, self.channels)
        object.__setattr__(self, "shape", shape)

    @property
    def values(self) -> int:
        """Number of values of a series, in all channels."""
        return self.length * self.channels

    @property
    def taken_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Accepted shapes of one series; with one channel, the channel axis is optional."""
        whole = (self.length, self.channels)
        return (self.shape, whole) if self.channels == 1 else (whole,)


def model_input(series: NDArray[Any]) -> NDArray[Any]:
    """Reshape series `[n, *SeriesSpec.shape]` to the model's input `[n, length, channels]`; shares memory."""
    return series if series.ndim == 3 else series[..., np.newaxis]


def by_channel(series: NDArray[Any]) -> NDArray[Any]:
    """Split series into channels, `[n * channels, length]`, the channels of a series next to each other.

    Series of one channel, which have no channel axis, are returned unchanged.
    """
    if series.ndim == 2:
        return series
    count, length, channels = series.shape
    return np.ascontiguousarray(series.transpose(0, 2, 1)).reshape(count * channels, length)
