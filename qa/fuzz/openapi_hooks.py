"""Hooks of schemathesis: facts that the OpenAPI document does not have. Runs in a separate environment.

The document does not describe npy files, nor which versions are loaded. And a route without parameters would
get one request: here every request has headers and a query that the document allows.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import schemathesis
from hypothesis import strategies as st

# Set by `qa/fuzz/openapi.py` from the model.
LENGTH, MAX_INSTANCES, VERSION = json.loads(os.environ["FUZZ_MODEL"])

EXPLAIN, MOST_EXPLAINED = "/explain", 64

_NAMES = st.from_regex(r"x-[a-z]{1,8}", fullmatch=True)
_VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
_ACCEPTS = st.sampled_from(
    [
        "*/*",
        "application/json",
        "application/x-npy",
        "application/x-npy;q=0.5, application/json;q=0.4",
        "text/html",
        "",
    ]
)
_IDS = st.from_regex(r"[A-Za-z0-9._:/+=@-]{1,128}", fullmatch=True) | _VALUES
_NOISE = st.tuples(
    st.dictionaries(_NAMES, _VALUES, max_size=3),
    st.dictionaries(_NAMES, _VALUES, max_size=3),
    st.none() | _ACCEPTS,
    st.none() | _IDS,
)


@st.composite
def _npy(draw: st.DrawFn) -> bytes:
    """A file that `/predict` and `/explain` accept, which takes fewer series."""
    code, letter = draw(st.sampled_from([("<f4", "f"), (">f4", "f"), ("<f8", "d"), (">f8", "d")]))
    count = draw(st.sampled_from([1, 1, 2, 3, min(MAX_INSTANCES, MOST_EXPLAINED)]))
    some = draw(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
    values = (some * (count * LENGTH // len(some) + 1))[: count * LENGTH]
    shape = draw(st.sampled_from([f"({count}, {LENGTH})", f"({count}, {LENGTH}, 1)"]))
    order = draw(st.booleans())
    header = (
        f"{{'descr': '{code}', 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    )
    data = struct.pack(f"{code[0]}{len(values)}{letter}", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


schemathesis.openapi.media_type("application/x-npy", _npy())


@schemathesis.hook
def flatmap_case(context: Any, case: Any) -> st.SearchStrategy[Any]:
    """Add headers and a query that the document allows."""
    del context
    return _NOISE.map(lambda noise: _with_noise(case, *noise))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let valid requests name a version that is loaded, and ask for explanations within the limits."""
    del context, kwargs
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "version" in (case.query or {}):
        case.query["version"] = VERSION
    if case.path == EXPLAIN:
        _shrink(case)


def _shrink(case: Any) -> None:
    """The document cannot say that series times regions have a limit, nor that at least one must be there."""
    case.query = {**(case.query or {}), "windows": 2, "bands": 3, "cells": "2x2"}
    if isinstance(case.body, dict):
        case.body["instances"] = case.body["instances"][:2]


def _with_noise(
    case: Any, headers: dict[str, str], query: dict[str, str], accept: str | None, request_id: str | None
) -> Any:
    case.headers.update(headers)
    if accept is not None:
        case.headers["Accept"] = accept
    if request_id is not None:
        case.headers["X-Request-Id"] = request_id
    case.query = {**query, **(case.query or {})}
    return case
