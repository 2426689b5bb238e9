"""What a model takes: the shape of its series, and what may be done to them beforehand."""

from __future__ import annotations

from dataclasses import dataclass

# Values a series: a batch of 256 series of this length is 1 GiB.
MAX_LENGTH = 2**20


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """The series of one model.

    Attributes:
        length: values in a channel.
        channels: of a series.
        is_invariant: whether the model's answer stays the same when a series is shifted by a number or
            multiplied by a positive one.
    """

    length: int
    channels: int = 1
    is_invariant: bool = True
