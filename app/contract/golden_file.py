"""Reading `golden.npz`: arrays of known names and shapes, whose headers are checked before they are believed.

`numpy.load` reserves what a header declares before it looks for the data. Here the data are there first. Read
is what `numpy.savez` writes for such arrays, and no other form of the format: `deploy/golden.py` and whoever
else reads the file then sees the same numbers.
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
# How far a row of probabilities may be from 1: float32's rounding, over thousands of classes.
SUM_TOLERANCE = 1e-3
_FLOAT32 = "<f4"
_START_BYTES = npy.MAGIC_LEN + 2
_MOST_SHOWN = 80


def read_golden(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """The arrays of a golden file, `float32[n, *shape]` each, n the same for all and at least 1, all finite.

    Args:
        path: the file.
        shapes: the names of the arrays that are needed, each with the shape of a row.

    Raises:
        ArtifactError: names the file and the first thing that is wrong with it.
    """
    limits = {f"{name}.npy": MAX_ARRAY_BYTES for name in ARRAYS}
    optional = frozenset(limits) - {f"{name}.npy" for name in shapes}
    members = read_members(path, limits, optional=optional)
    found: dict[str, NDArray[np.float32]] = {}
    rows = None
    for name, shape in shapes.items():
        place = f"{path}: {name}"
        found[name] = _read_array(members[f"{name}.npy"], place, rows=rows, row=shape)
        rows = len(found[name])
        _check_values(name, found[name], place)
    return found


def _read_array(content: bytes, place: str, *, rows: int | None, row: tuple[int, ...]) -> NDArray[np.float32]:
    header, start = _read_header(content, place)
    shape = header["shape"]
    if not (isinstance(shape, tuple) and all(type(size) is int for size in shape)):
        wrong = shown(ascii(shape), most=_MOST_SHOWN)
        raise ArtifactError(f"{place} has the shape {wrong}, which is no tuple of whole numbers")
    if header["descr"] != _FLOAT32:
        wrong = shown(ascii(header["descr"]), most=_MOST_SHOWN)
        raise ArtifactError(f"{place} has the dtype {wrong}, not '{_FLOAT32}' (float32, little-endian)")
    rows = (shape[0] if shape else 0) if rows is None else rows
    if rows == 0 or shape != (rows, *row):
        wrong = shown(list(shape), most=_MOST_SHOWN)
        raise ArtifactError(f"{place} is float32{wrong}, not float32{shown([rows, *row])}")
    if header["fortran_order"] is not False:
        raise ArtifactError(f"{place} is stored in Fortran order; golden arrays are stored in C order")
    if math.prod(shape) * np.dtype(_FLOAT32).itemsize != len(content) - start:
        raise ArtifactError(f"{place} declares {shown(list(shape))}, and other data follow")
    return np.frombuffer(content, _FLOAT32, offset=start).reshape(shape).astype(np.float32)


def _read_header(content: bytes, place: str) -> tuple[dict[str, Any], int]:
    """What the start of an npy file declares, not yet checked; and where its data begin."""
    if not content.startswith(npy.MAGIC_PREFIX) or len(content) < _START_BYTES:
        raise ArtifactError(f"{place}: not an npy file: it does not start as one")
    if content[npy.MAGIC_LEN - 2 : npy.MAGIC_LEN] != b"\x01\x00":
        raise ArtifactError(f"{place}: npy of a version that is not sealed here")
    size = int.from_bytes(content[npy.MAGIC_LEN : _START_BYTES], "little")
    if size > MAX_HEADER_BYTES:
        raise ArtifactError(f"{place}: not an npy file: a header of {size} bytes, at most {MAX_HEADER_BYTES}")
    start = _START_BYTES + size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes, say: they would be lines of the log
            header = ast.literal_eval(content[_START_BYTES:start].decode("latin-1"))
    except Exception as error:  # Python's parser refuses what is not a literal in many ways
        raise ArtifactError(f"{place}: not an npy file: header: {shown(reason_of(error))}") from error
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise ArtifactError(f"{place}: not an npy file: its header has not the fields of one")
    return header, start


def _check_values(name: str, values: NDArray[np.float32], place: str) -> None:
    """Check that series and answers are numbers, and probabilities are some: no engine can meet others."""
    if not (finite := np.isfinite(values).reshape(len(values), -1).all(axis=1)).all():
        raise ArtifactError(f"{place}: row {finite.argmin()} has a value that is not finite")
    if name == "probabilities":
        sums = values.sum(axis=1, dtype=np.float64)
        good = (values >= 0).all(axis=1) & (np.abs(sums - 1) <= SUM_TOLERANCE)
        if not good.all():
            row = int(good.argmin())
            lowest = f"the least is {values[row].min():.3g}, their sum is {sums[row]:.6g}"
            raise ArtifactError(f"{place}: row {row} is not probabilities that sum to 1: {lowest}")
