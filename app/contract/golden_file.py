"""Reads `golden.npz`: arrays with known names and shapes, whose headers are checked before use.

`numpy.load` allocates what a header declares before it reads the data; here the data are read first. Only the
form that `numpy.savez` writes is accepted, so that `deploy/golden.py` and all other readers get the same
numbers.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.contract.archive import read_members
from app.contract.wording import reason_of, shown
from app.errors import ArtifactError

ARRAYS = ("series", "probabilities", "novelty")
MAX_ARRAY_BYTES = 64 * 1024 * 1024
MAX_HEADER_BYTES = 1024
# Largest distance of a row's sum from 1: float32 rounding over thousands of classes.
SUM_TOLERANCE = 1e-3
_FLOAT32 = "<f4"
_START_BYTES = npy.MAGIC_LEN + 2
_MOST_SHOWN = 80


def read_golden(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """The arrays of a golden file, `float32[n, *shape]` each, n the same for all and at least 1, all finite.

    Args:
        path: the file.
        shapes: names of the required arrays, each with the shape of a row.

    Raises:
        ArtifactError: names the file and the first problem.
    """
    limits = {f"{name}.npy": MAX_ARRAY_BYTES for name in ARRAYS}
    optional = frozenset(limits) - {f"{name}.npy" for name in shapes}
    members = read_members(path, limits, optional=optional)
    found: dict[str, NDArray[np.float32]] = {}
    rows = None
    for name, shape in shapes.items():
        place = f"{path}: {name}"
        found[name] = read_array(members[f"{name}.npy"], place, rows=rows, row=shape).astype(np.float32)
        rows = len(found[name])
        _check_values(name, found[name], place)
    return found


def read_array(
    content: bytes, place: str, *, rows: int | None, row: tuple[int, ...], dtype: str = _FLOAT32
) -> NDArray[Any]:
    """The array `[rows, *row]` of an npy file; it shares the memory of the file's content.

    Args:
        content: of the file.
        place: names the array in errors.
        rows: number of rows; None for any number above 0.
        row: shape of a row.
        dtype: in NumPy's notation, little-endian.

    Raises:
        ArtifactError: it has another form, shape or dtype.
    """
    header, start = _read_header(content, place)
    shape, kind = header["shape"], np.dtype(dtype).name
    if not (isinstance(shape, tuple) and all(type(size) is int for size in shape)):
        wrong = shown(ascii(shape), most=_MOST_SHOWN)
        raise ArtifactError(f"{place} has the shape {wrong}, which is not a tuple of integers")
    if header["descr"] != dtype:
        wrong = shown(ascii(header["descr"]), most=_MOST_SHOWN)
        raise ArtifactError(f"{place} has the dtype {wrong}, not '{dtype}' ({kind}, little-endian)")
    rows = (shape[0] if shape else 0) if rows is None else rows
    if rows == 0 or shape != (rows, *row):
        wrong = shown(list(shape), most=_MOST_SHOWN)
        raise ArtifactError(f"{place} is {kind}{wrong}, not {kind}{shown([rows, *row])}")
    if header["fortran_order"] is not False:
        raise ArtifactError(f"{place} is stored in Fortran order; arrays must be in C order")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(content) - start:
        raise ArtifactError(f"{place} declares {shown(list(shape))}, but the data have another size")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def _read_header(content: bytes, place: str) -> tuple[dict[str, Any], int]:
    """The header of an npy file, not yet checked, and the position of its data."""
    if not content.startswith(npy.MAGIC_PREFIX) or len(content) < _START_BYTES:
        raise ArtifactError(f"{place}: not an npy file: it has no npy signature")
    if content[npy.MAGIC_LEN - 2 : npy.MAGIC_LEN] != b"\x01\x00":
        raise ArtifactError(f"{place}: unknown version of the npy format; expected 1.0")
    size = int.from_bytes(content[npy.MAGIC_LEN : _START_BYTES], "little")
    if size > MAX_HEADER_BYTES:
        raise ArtifactError(f"{place}: not an npy file: a header of {size} bytes, at most {MAX_HEADER_BYTES}")
    start = _START_BYTES + size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes, say, which would be logged
            header = ast.literal_eval(content[_START_BYTES:start].decode("latin-1"))
    except Exception as error:  # Python's parser raises many types
        raise ArtifactError(f"{place}: not an npy file: header: {shown(reason_of(error))}") from error
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise ArtifactError(
            f"{place}: not an npy file: its header has other fields than descr, fortran_order and shape"
        )
    return header, start


def _check_values(name: str, values: NDArray[np.float32], place: str) -> None:
    """Check that all values are finite, and that probabilities are >= 0 and sum to 1."""
    if not (finite := np.isfinite(values).reshape(len(values), -1).all(axis=1)).all():
        raise ArtifactError(f"{place}: row {finite.argmin()} has a value that is not finite")
    if name == "probabilities":
        sums = values.sum(axis=1, dtype=np.float64)
        good = (values >= 0).all(axis=1) & (np.abs(sums - 1) <= SUM_TOLERANCE)
        if not good.all():
            row = int(good.argmin())
            lowest = f"the smallest is {values[row].min():.3g}, their sum is {sums[row]:.6g}"
            raise ArtifactError(f"{place}: row {row} does not hold probabilities that sum to 1: {lowest}")
