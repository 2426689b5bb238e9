"""Reference readers of the formats: Python's json, numpy's load, zlib on the whole body."""

from __future__ import annotations

import codecs
import io
import json
import math
import tokenize
import warnings
import zlib
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from qa.fuzz.cases import MAX_BYTES, Case

# As in docs/limits.md.
_MOST_MEMBERS = 10_000
_UNREADABLE = (
    ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError, OverflowError,
    EOFError, Warning, AttributeError, KeyError, IndexError,
)  # fmt: skip


def expected_json(case: Case) -> NDArray[np.float32] | None:
    """The series that Python's json reads from a body; None if the model must not accept it."""
    try:
        text = case.body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        document = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_refuse)
    except _UNREADABLE:
        return None
    if type(document) is not _Pairs or [name for name, _ in document] != ["instances"]:
        return None
    rows = document[0][1]
    if type(rows) is not list or not 1 <= len(rows) <= case.size.max_instances:
        return None
    if not all(type(row) is list and len(row) == case.size.length for row in rows):
        return None
    if not all(type(value) in {int, float} for row in rows for value in row):
        return None
    try:
        return _finite(np.array([[float(value) for value in row] for row in rows], np.float64))
    except OverflowError:  # an integer beyond all doubles
        return None


def expected_npy(case: Case) -> NDArray[np.float32] | None:
    """The series that numpy reads from a body without a warning; None if the model must not accept it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _expected_npy(case)


def _expected_npy(case: Case) -> NDArray[np.float32] | None:
    body = io.BytesIO(case.body)
    try:
        version = npy.read_magic(body)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, _, dtype = read(body, max_header_size=1024)
        if dtype.hasobject or dtype.kind not in "iuf" or dtype.itemsize > 8 or min(shape, default=0) < 0:
            return None
        if math.prod(shape) * dtype.itemsize != len(case.body) - body.tell():
            return None
        array = np.load(io.BytesIO(case.body), allow_pickle=False, max_header_size=1024)
    except _UNREADABLE:
        return None
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    fits = array.ndim == 2 and array.shape[1] == case.size.length
    return _finite(array) if fits and 1 <= len(array) <= case.size.max_instances else None


class _Pairs(list[Any]):
    """The fields of an object, duplicates included."""


def _refuse(word: str) -> float:
    raise ValueError(word)


def _finite(values: NDArray[Any]) -> NDArray[np.float32] | None:
    with np.errstate(over="ignore", invalid="ignore"):
        series = np.ascontiguousarray(values, np.float32)
    return series if np.isfinite(series).all() else None


def decompressed(case: Case) -> bytes | None:
    """A body decompressed by zlib, or all gzip members of it, up to the limit; None if it is invalid."""
    names = [name for part in case.encoding.split(",") if (name := part.strip(" \t").lower())]
    match [name for name in names if name != "identity"]:
        case []:
            return case.body
        case ["deflate"]:
            return _members(case.body, 15, most=1)
        case ["gzip" | "x-gzip"]:
            return _members(case.body, 31, most=_MOST_MEMBERS)
    return None


def _members(rest: bytes, wbits: int, *, most: int) -> bytes | None:
    plain = b""
    for _ in range(most):
        member = zlib.decompressobj(wbits)
        try:
            plain += member.decompress(rest, MAX_BYTES + 1 - len(plain))
        except zlib.error:
            return None
        if len(plain) > MAX_BYTES:
            return plain
        if not member.eof:
            return None
        if not (rest := member.unused_data):
            return plain
    return None
