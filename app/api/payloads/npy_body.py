"""Decodes a .npy file as a float32 array: numpy reads the header, nothing is unpickled.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html describes the format.
"""

from __future__ import annotations

import ast
import io
import math
import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from app.api.payloads.finite import to_finite_float32
from app.api.payloads.wording import NO_SERIES, shown, too_many_series, wrong_length
from app.errors import ContractViolation, MalformedPayload
from app.series.offset import Narrowed
from app.series.spec import SeriesSpec

# numpy's own headers of plain arrays are 64 or 128 bytes; longer ones only cost parsing time.
_MAX_HEADER_BYTES = 1024
# Version 3.0 exists for the field names of structured arrays, which no model takes.
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# Of the number before the header that says how long it is.
_SIZE_BYTES = {(1, 0): 2, (2, 0): 4}
# The header is Python source to numpy: what ast.literal_eval documents for a broken one, and dtypes raise.
_UNREADABLE = (ValueError, TypeError, LookupError, SyntaxError, RecursionError, MemoryError)
_NUMBERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8"}


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[np.number]
    size: int


class NpyDecoder:
    """Decodes npy bodies with 1 to `max_instances` series of one `SeriesSpec`."""

    def __init__(self, spec: SeriesSpec, *, max_instances: int) -> None:
        self._spec = spec
        self._allowed_shapes = spec.taken_shapes
        self._shape, self._is_invariant = (-1, *spec.shape), spec.is_invariant
        self._max_instances = max_instances

    def __call__(self, body: bytes) -> Narrowed:
        """The body's series, read-only where they are the body's memory.

        Raises:
            MalformedPayload: the body is no npy file, or its data do not match its header.
            ContractViolation: it is one, but not what the model takes.
        """
        header = _read_header(body)
        _check_dtype(header.dtype)
        _check_size(header, len(body))
        self._check_shape(header.shape)
        values = np.frombuffer(body, header.dtype, offset=header.size)
        ordered = values.reshape(header.shape, order="F" if header.fortran_order else "C")
        return to_finite_float32(ordered.reshape(self._shape), is_invariant=self._is_invariant)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if problem := self._shape_problem(shape):
            raise ContractViolation([("shape", problem)])

    def _shape_problem(self, shape: tuple[int, ...]) -> str | None:
        if shape[1:] in self._allowed_shapes and 0 < shape[0] <= self._max_instances:
            return None
        spec = self._spec
        if shape == spec.shape:
            return f"{shape}; send a single series as array.reshape{(1, *shape)}"
        # Whatever its length: that has a message of its own.
        if len(shape) < 2 or (spec.length, *shape[2:]) not in self._allowed_shapes:
            forms = (f"(n, {', '.join(map(str, taken))})" for taken in self._allowed_shapes)
            return f"{shown(str(shape))}; the model takes {' or '.join(forms)}"
        if shape[0] == 0:
            return NO_SERIES
        if shape[0] > self._max_instances:
            return too_many_series(shape[0], max_instances=self._max_instances)
        return wrong_length(shape[1], spec)


def _read_header(body: bytes) -> _Header:
    if not body.startswith(npy.MAGIC_PREFIX) or len(body) < npy.MAGIC_LEN:
        raise MalformedPayload("not an npy file: it does not start with \\x93NUMPY and a version")
    version = (body[npy.MAGIC_LEN - 2], body[npy.MAGIC_LEN - 1])
    if version not in _SIZE_BYTES:
        raise MalformedPayload("npy format {}.{} is not supported; save as 1.0 or 2.0".format(*version))
    return _parsed(body[: sum(_source(body))])


def _source(body: bytes) -> tuple[int, int]:
    """Offset and declared size of a header's Python source, in bytes."""
    start = npy.MAGIC_LEN + _SIZE_BYTES[body[npy.MAGIC_LEN - 2], body[npy.MAGIC_LEN - 1]]
    return start, int.from_bytes(body[npy.MAGIC_LEN : start], "little")


@lru_cache(maxsize=64)
def _parsed(head: bytes) -> _Header:
    """The header of an npy file, from its first bytes.

    A client's files all begin alike, and numpy takes 25 µs to read that, most of the time of a small body.
    What is remembered is at most 64 times 1 kB.
    """
    file = io.BytesIO(head)
    version = npy.read_magic(file)
    start, size = _source(head)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's warnings about the header are not logged
            if len(head) - start == size <= _MAX_HEADER_BYTES:
                # What is no Python numpy tries a second time, as Python 2's, through a tokenizer that takes
                # 0.1 s for 1 kB of quotes.
                ast.literal_eval(head[start:].decode("latin-1"))
            shape, fortran_order, dtype = _READERS[version](file, max_header_size=_MAX_HEADER_BYTES)
    except _UNREADABLE as error:
        raise MalformedPayload(f"invalid npy header: {shown(_first_line(error))}") from None
    if any(isinstance(size, bool) for size in shape):  # integers to Python, but not to numpy's reshape
        raise MalformedPayload(f"invalid npy header: shape is not valid: {shown(str(shape))}")
    return _Header(shape, fortran_order, dtype, file.tell())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _check_dtype(dtype: np.dtype[np.number]) -> None:
    if dtype.str[1:] not in _NUMBERS:
        message = f"{shown(str(dtype))} is not supported; send float16, float32, float64 or integers"
        raise ContractViolation([("dtype", message)])


def _check_size(header: _Header, body_bytes: int) -> None:
    """Compare the size in the header with that of the data, in Python integers, which do not overflow."""
    if min(header.shape, default=0) < 0:
        raise MalformedPayload(f"invalid npy header: shape {shown(str(header.shape))} has a negative size")
    needed = math.prod(header.shape) * header.dtype.itemsize
    if needed != body_bytes - header.size:
        raise MalformedPayload(
            f"npy header and data do not match: {header.dtype.name} {shown(str(header.shape))} is "
            f"{shown(str(needed))} bytes, {body_bytes - header.size} follow"
        )
