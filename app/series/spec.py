"""What a model takes: the shape of its series, and what may be done to them beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Values a series, of all channels: a batch of 256 series of this size is 1 GiB.
MAX_LENGTH = 2**20


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """The series of one model.

    Everywhere outside a model, n series are an array `[n, *shape]`: `[n, length]` where the model has one
    channel, `[n, length, channels]` where it has several. Most models have one, and an axis of 1 would be in
    the way of everything that looks at values. A model itself always takes `[n, length, channels]`, which
    `model_input` makes of both.

    Attributes:
        length: values in a channel.
        channels: of a series.
        is_invariant: whether the model's answer stays the same when any one channel of a series is shifted by
            a number or multiplied by a positive one.
        shape: of one series: `(length,)`, or `(length, channels)` with several channels.
    """

    length: int
    channels: int = 1
    is_invariant: bool = True
    shape: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the shape: it is asked for with every request."""
        shape = (self.length,) if self.channels == 1 else (self.length, self.channels)
        object.__setattr__(self, "shape", shape)

    @property
    def values(self) -> int:
        """How many a series has, in all channels."""
        return self.length * self.channels

    @property
    def taken_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one series as it may be sent: with one channel, the axis of channels may be there, or not."""
        whole = (self.length, self.channels)
        return (self.shape, whole) if self.channels == 1 else (whole,)


def model_input(series: NDArray[Any]) -> NDArray[Any]:
    """Series `[n, *SeriesSpec.shape]` as a model takes them, `[n, length, channels]`; shares their memory."""
    return series if series.ndim == 3 else series[..., np.newaxis]


def by_channel(series: NDArray[Any]) -> NDArray[Any]:
    """The channels of n series one below the other, `[n * channels, length]`: a series' are in a row.

    Of one channel, which has no axis of its own, these are the series themselves.
    """
    if series.ndim == 2:
        return series
    count, length, channels = series.shape
    return np.ascontiguousarray(series.transpose(0, 2, 1)).reshape(count * channels, length)
