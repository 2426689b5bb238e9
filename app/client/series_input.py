"""Turns what callers have into arrays `[n, ...]`: lists, arrays, frames, files, and iterators of these."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.client.errors import InvalidSeries
from app.errors import UnreadableSeries
from app.series.readers import read_series_file
from app.series.readers.content import first_bytes
from app.series.readers.file import shown_path
from app.series.readers.numpy_files import NPY_MAGIC, map_npy
from app.series.readers.parsed import Refused

Array = NDArray[Any]
# One series or several: nested lists, an array, a frame of pandas or Polars with a series a row, the path of
# a file, or an iterator of all of these but paths.
SeriesInput: TypeAlias = Any
NPY = ".npy"


def arrays_of(series: SeriesInput) -> Iterator[Array]:
    """The arrays of one input: one array, or those of an iterator as it yields them.

    Raises:
        InvalidSeries: it is not made of numbers.
        UnreadableSeries: a file cannot be read.
    """
    if isinstance(series, (str, os.PathLike)):
        yield read(Path(series))
    elif is_stream(series):
        for each in series:
            yield as_array(each)
    else:
        yield as_array(series)


async def arrays_of_stream(series: AsyncIterable[SeriesInput]) -> AsyncIterator[Array]:
    """The arrays of an asynchronous iterator."""
    async for each in series:
        yield as_array(each)


def is_stream(series: SeriesInput) -> bool:
    """Whether it yields arrays, rather than being one."""
    is_array = hasattr(series, "__array__") or hasattr(series, "to_numpy")
    return not is_array and not isinstance(series, (list, tuple)) and isinstance(series, Iterable)


def count_of(series: SeriesInput) -> int | None:
    """The number of series if it is known before they are read; one array of one dimension counts as one."""
    shape = getattr(series, "shape", None)
    return int(shape[0]) if isinstance(shape, tuple) and len(shape) > 1 else None


def read(path: Path) -> Array:
    """The series of a file: a `.npy` file is mapped into memory, others are read whole.

    Lines of text begin with a label; `app.series.readers.read_series_file` has the options for other files.

    Raises:
        UnreadableSeries: the file cannot be read; the message names the place.
    """
    try:
        if path.suffix == NPY and first_bytes(path).startswith(NPY_MAGIC):
            return map_npy(path)
    except Refused as refused:
        raise UnreadableSeries(f"{shown_path(path)}: {refused.problem}", remedy=refused.remedy) from refused
    return read_series_file(path).values


def as_array(series: SeriesInput) -> Array:
    """One input as an array of numbers.

    Raises:
        InvalidSeries: it is not made of numbers, or its series have different lengths.
    """
    if hasattr(series, "to_numpy"):  # a frame; NumPy would take its columns for rows
        series = series.to_numpy()
    try:
        array = np.asarray(series)
    except ValueError as error:  # NumPy says "inhomogeneous shape"
        raise InvalidSeries(_different_lengths(series)) from error
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidSeries(f"the series are not made of numbers: {error}") from error
    elif array.dtype.kind == "b":
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiu":
        raise InvalidSeries(f"the series are of dtype {array.dtype}; send numbers")
    if array.dtype.itemsize > np.dtype(np.float64).itemsize:  # longdouble
        array = array.astype(np.float64)
    return array


def _different_lengths(series: Any) -> str:
    try:
        lengths = [len(each) for each in series]
    except TypeError:
        return "some of the series are lists and others are numbers; send a list of numbers for each"
    place = next((place for place, length in enumerate(lengths) if length != lengths[0]), None)
    if place is None:
        return "the time steps of the series have different numbers of values"
    return f"series 0 has {lengths[0]} values, series {place} has {lengths[place]}; all must have the same"
