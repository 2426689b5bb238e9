"""Reading `golden.npz`: arrays of known names and widths, whose headers are checked before they are believed.

`numpy.load` reserves what a header declares before it looks for the data. Here the data are there first.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.contract.archive import read_members
from app.contract.wording import shown
from app.errors import ArtifactError

ARRAYS = ("series", "probabilities", "novelty")
MAX_ARRAY_BYTES = 64 * 1024 * 1024
MAX_HEADER_BYTES = 1024
# A header is Python source to numpy; these are what reading a broken one raises.
_UNREADABLE = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError, Warning)


def read_golden(path: Path, widths: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
    """The arrays of a golden file, `float32[n, width]` each, n the same for all and at least 1.

    Args:
        path: the file.
        widths: the names of the arrays that are needed, each with its width.

    Raises:
        ArtifactError: names the file and the first thing that is wrong with it.
    """
    limits = {f"{name}.npy": MAX_ARRAY_BYTES for name in ARRAYS}
    optional = frozenset(limits) - {f"{name}.npy" for name in widths}
    members = read_members(path, limits, optional=optional)
    found: dict[str, NDArray[np.float32]] = {}
    rows = None
    for name, width in widths.items():
        content = members[f"{name}.npy"]
        file = io.BytesIO(content)
        shape, dtype = _read_header(file, f"{path}: {name}")
        rows = (shape[0] if shape else 0) if rows is None else rows
        if rows == 0 or shape != (rows, width) or dtype != np.float32:
            raise ArtifactError(f"{path}: {name} is {dtype}{list(shape)}, not float32{[rows, width]}")
        if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
            raise ArtifactError(f"{path}: {name} declares {list(shape)}, and other data follow")
        found[name] = np.load(io.BytesIO(content), allow_pickle=False)
    return found


def _read_header(file: io.BytesIO, place: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """The shape and dtype that the start of an npy file declares; the file is then at its data."""
    try:
        if npy.read_magic(file) != (1, 0):
            raise ArtifactError(f"{place}: npy of a version that is not sealed here")
        shape, _, dtype = npy.read_array_header_1_0(file, max_header_size=MAX_HEADER_BYTES)
    except _UNREADABLE as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ArtifactError(f"{place}: not an npy file: {shown(reason)}") from error
    return shape, dtype
