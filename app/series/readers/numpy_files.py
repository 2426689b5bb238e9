"""`.npy` and `.npz` files, as `numpy.save` and `numpy.savez` write them; nothing is ever unpickled.

An `.npz` holds the series as `series`, `X`, `x`, `values` or `data`, or as its only array; and labels, if
any, as `labels`, `label`, `y`, `Y` or `targets`. float16 and float32 keep their dtype, so
that the precision of the values is known; integers become float64.
"""

from __future__ import annotations

import io
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.series.readers.content import MAX_BYTES
from app.series.readers.labels import read_label
from app.series.readers.parsed import MAX_SERIES, ParsedSeries, Refused, Values, quoted, too_long, too_many
from app.series.spec import MAX_LENGTH

NPY_MAGIC = b"\x93NUMPY"
SERIES_NAMES = ("series", "X", "x", "values", "data")
LABEL_NAMES = ("labels", "label", "y", "Y", "targets")
_FORM = "save an array of shape (n, length)"
_AGAIN = "save the file again with numpy.savez"
MAX_HEADER_BYTES = 4096
# Of a damaged header, which numpy parses as Python, and of data that end early or cannot be that large.
BROKEN_ARRAY = (
    ValueError,
    TypeError,
    SyntaxError,
    EOFError,
    OverflowError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)
# NotImplementedError: a method of compression that Python lacks. RuntimeError: encrypted.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, *BROKEN_ARRAY)


def read_npy(content: bytes, *, limit: int | None = None) -> ParsedSeries:
    """The series of a `.npy` file, `[n, length]`, `[n, length, 1]` or `[length]` for a single one.

    Raises:
        Refused: it is damaged, or no array of series.
    """
    return ParsedSeries(series=_series(read_array(content))[:limit], labels=None)


def read_array(content: bytes) -> NDArray[Any]:
    """The array of a `.npy` file, of any shape and dtype but Python objects.

    Raises:
        Refused: it is damaged, or holds objects.
    """
    try:
        return _load(content)
    except BROKEN_ARRAY as error:
        raise Refused(f"a damaged .npy file: {quoted(first_line(error))}", "save it again") from error


def map_npy(path: Path) -> NDArray[Any]:
    """The array of a regular `.npy` file, mapped into memory; of any shape, dtype and size.

    Raises:
        Refused: it is damaged, or no array of numbers.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, *BROKEN_ARRAY) as error:
        if "Python objects" in str(error):
            raise Refused(
                "an array of Python objects, a pickle, which is never loaded", "save numbers"
            ) from error
        raise Refused(f"a damaged .npy file: {quoted(first_line(error))}", "save it again") from error
    if array.dtype.kind not in "fiub":
        raise Refused(f"the array holds {array.dtype}, not numbers", "save numbers")
    return array


def read_npz(content: bytes, *, limit: int | None = None) -> ParsedSeries:
    """The series of an `.npz` file and their labels, where it has any.

    Raises:
        Refused: it is damaged, too large, another archive, or does not say which array has the series.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _from_zip(archive, limit)
    except _BROKEN_ZIP as error:
        raise Refused(f"a damaged .npz file: {quoted(first_line(error))}", _AGAIN) from error


def _from_zip(archive: zipfile.ZipFile, limit: int | None) -> ParsedSeries:
    names = archive.namelist()
    if any(name.startswith("xl/") for name in names):
        raise Refused("an Excel workbook", "save the sheet as CSV")
    arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
    if not arrays:
        raise Refused("a zip archive without arrays", "unpack it and give a file of series")
    if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
        raise Refused(f"unpacks to more than {MAX_BYTES:,} bytes", "split the file")
    series_name = _only(arrays, SERIES_NAMES)
    if series_name is None:
        if len(set(arrays)) != 1:
            raise Refused(
                f"holds {quoted(', '.join(arrays))} and none is named {', '.join(SERIES_NAMES)}",
                "rename the array of series to one of these",
            )
        series_name = arrays[0]
    series = _series(_load(archive.read(f"{series_name}.npy")))[:limit]
    label_name = _only(arrays, LABEL_NAMES)
    if label_name is None:
        return ParsedSeries(series=series, labels=None)
    labels = _labels(_load(archive.read(f"{label_name}.npy")), limit)
    if len(labels) != len(series):
        raise Refused(f"{len(labels):,} labels for {len(series):,} series", "save a label for each series")
    return ParsedSeries(series=series, labels=labels)


def _load(content: bytes) -> NDArray[Any]:
    """An array; raises `Refused` for one of Python objects, which only a pickle holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a header that an old Python wrote
        try:
            loaded: NDArray[Any] = np.lib.format.read_array(
                io.BytesIO(content), allow_pickle=False, max_header_size=MAX_HEADER_BYTES
            )
        except ValueError as error:
            if "Object arrays" in str(error):
                raise Refused(
                    "an array of Python objects, a pickle, which is never loaded",
                    "save series of one length as numbers, and labels as text: labels.astype(str)",
                ) from error
            raise
    return loaded


def _series(array: NDArray[Any]) -> Values:
    if array.dtype.kind not in "fiu":
        raise Refused(f"the array holds {quoted(array.dtype)}, not numbers", "save numbers")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2 or 0 in array.shape:
        more = "; series of several channels are not read from files" if array.ndim == 3 else ""
        raise Refused(f"an array of shape {quoted(array.shape)}", f"{_FORM}{more}")
    if len(array) > MAX_SERIES:
        raise too_many(len(array))
    if array.shape[1] > MAX_LENGTH:
        raise too_long("row 1")
    kept = array.dtype.newbyteorder("=") if array.dtype.str[1:] in {"f2", "f4"} else np.dtype(np.float64)
    with np.errstate(over="ignore"):  # longdouble: what is infinite now is refused with its place
        return np.ascontiguousarray(array, dtype=kept)


def _labels(array: NDArray[Any], limit: int | None) -> tuple[str, ...]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "fiuUSb":
        raise Refused(
            f"labels of {quoted(array.dtype)} and shape {quoted(array.shape)}", "save one label a series"
        )
    return tuple(
        read_label(label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label), f"row {row}")
        for row, label in enumerate(array[:limit].tolist(), start=1)
    )


def _only(arrays: Sequence[str], names: Sequence[str]) -> str | None:
    """The one of an archive's arrays that has one of these names, None where there is none."""
    found = [name for name in names if name in arrays]
    if len(found) > 1:
        raise Refused(f"holds both {found[0]} and {found[1]}", "leave one of them out")
    return found[0] if found else None


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type."""
    return next(iter(str(error).splitlines()), type(error).__name__)
