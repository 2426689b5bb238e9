"""Checks series against the model, and splits and joins them into the bodies of requests."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.client.errors import InvalidSeries
from app.client.schemas import RequestLimits
from app.series.offset import FLOAT32_END, fits_float32
from app.series.spec import SeriesSpec

Array = NDArray[Any]
_HEADER_BYTES = 128  # of an npy file with a plain array
_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Part:
    """The series of one request.

    Attributes:
        first: the position of its first series among all of the call, from 0.
        count: of its series.
        body: npy.
        is_full: whether it has as many series as a request may have.
    """

    first: int
    count: int
    body: bytes
    is_full: bool


class Parts:
    """Makes the requests of one call from its arrays, in order.

    Small arrays are joined, large ones are split, so that requests are as large as the server takes.

    Args:
        spec: of the model.
        limits: of the server.
    """

    def __init__(self, spec: SeriesSpec, limits: RequestLimits) -> None:
        self._spec, self._limits = spec, limits
        self._first = 0
        self._waiting: list[Array] = []
        self._waiting_count = 0  # of series, which may come one by one

    def add(self, array: Array) -> Iterator[Part]:
        """The requests that are full with these series, `[n, *shape]` or a single one, `shape`.

        Raises:
            InvalidSeries: their shape or a value is wrong; the message has the place.
        """
        series = self._rows(array)
        if self._waiting and self._waiting[0].dtype != series.dtype:
            yield self._joined()  # joined with these, integers would become floats
        size, position = self._size(series), 0
        while position < len(series):
            end = position + size - self._waiting_count
            part, position = series[position:end], end
            if not self._waiting and len(part) == size:
                yield self._part(part)
                continue
            # A copy: the caller may fill the same array again.
            self._waiting.append(part.copy())
            self._waiting_count += len(part)
            if self._waiting_count == size:
                yield self._joined()

    def rest(self) -> Iterator[Part]:
        """The last request, which is not full."""
        if self._waiting:
            yield self._joined()

    def _joined(self) -> Part:
        series = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        self._waiting, self._waiting_count = [], 0
        return self._part(series)

    def _size(self, series: Array) -> int:
        """The number of series of this dtype in a full request."""
        per_series = self._spec.values * max(series.itemsize, _FLOAT32_BYTES)
        by_bytes = (self._limits.max_body_bytes - _HEADER_BYTES) // per_series
        return max(1, min(self._limits.max_instances, by_bytes))

    def _rows(self, array: Array) -> Array:
        spec = self._spec
        if array.shape in spec.taken_shapes:
            array = array[np.newaxis]
        if array.shape[1:] in spec.taken_shapes:
            return array.reshape(len(array), *spec.shape)
        first = self._first + self._waiting_count
        if array.ndim == len(spec.shape) + 1 and array.shape[2:] == spec.shape[1:]:
            problem = f"{array.shape[1]} values; the model takes {spec.length}"
        elif array.ndim == 1 and spec.channels == 1:
            problem = f"{len(array)} values; the model takes {spec.length}"
        else:
            forms = " or ".join(f"(n, {', '.join(map(str, shape))})" for shape in spec.taken_shapes)
            problem = f"an array of shape {array.shape}; the model takes {forms}"
        raise InvalidSeries(f"series {first:,}: {problem}")

    def _part(self, series: Array) -> Part:
        check_finite(series, self._first)
        is_full = len(series) == self._size(series)
        part = Part(self._first, len(series), npy_bytes(compact(series)), is_full)
        self._first += len(series)
        return part


def check_finite(series: Array, first: int) -> None:
    """Check that all values are finite as float32.

    Args:
        series: `[n, *SeriesSpec.shape]`.
        first: the position of the first one, for the message.

    Raises:
        InvalidSeries: a value is not; the message has its place.
    """
    if series.dtype.kind != "f":
        return
    is_short = series.itemsize <= _FLOAT32_BYTES
    is_valid = np.isfinite(series) if is_short else np.abs(series) < FLOAT32_END
    if not is_valid.all():
        row, *place = np.argwhere(~is_valid)[0].tolist()
        channel = f", channel {place[1]}" if len(place) > 1 else ""
        raise InvalidSeries(
            f"series {first + row:,}, value {place[0]:,}{channel} (counted from 0): "
            f"{series[row, *place]} is not a finite number within the range of float32"
        )


def compact(series: Array) -> Array:
    """Series `[n, *SeriesSpec.shape]` in half the bytes where nothing is lost by it.

    A large offset is sent as it is. The server subtracts it before it narrows the values to float32: only its
    contract says whether the model allows that, and only it can warn of what had been lost before.
    """
    if series.dtype.kind == "f" and series.itemsize <= _FLOAT32_BYTES:
        return series
    if fits_float32(series):
        return series.astype(np.float32)
    # Integers of 64 bits lose digits even in a float64.
    return series


def npy_bytes(array: Array) -> bytes:
    """An array as a .npy file."""
    header = io.BytesIO()
    array = np.ascontiguousarray(array)
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(array))
    return b"".join((header.getvalue(), array.reshape(-1).view(np.uint8).data))


def split(arrays: Iterator[Array], parts: Parts) -> Iterator[Part]:
    """All requests of a call; raises as `Parts.add` does."""
    for array in arrays:
        yield from parts.add(array)
    yield from parts.rest()


async def split_stream(arrays: AsyncIterator[Array], parts: Parts) -> AsyncIterator[Part]:
    """All requests of a call from an asynchronous iterator; raises as `Parts.add` does."""
    async for array in arrays:
        for part in parts.add(array):
            yield part
    for part in parts.rest():
        yield part
