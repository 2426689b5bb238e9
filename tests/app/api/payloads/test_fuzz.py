"""Decoders on broken input of every kind: an array that fits or a PayloadError, nothing else."""

from __future__ import annotations

import gzip
import io
import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.api.payloads import Decoder, JsonDecoder, NpyDecoder, decompress
from app.errors import PayloadError
from app.series.spec import SeriesSpec
from qa.fuzz.target import TARGETS, Target

# Of each decoder, here: as many as expose all faults of `tests/qa/fuzz/test_planted.py`. `make fuzz` tries
# many more, and some larger ones.
FIRST_CASES = 500
LENGTH, MAX_INSTANCES = 5, 3
JSON_DECODER = JsonDecoder(SeriesSpec(LENGTH, is_invariant=False), max_instances=MAX_INSTANCES)
NPY_DECODER = NpyDecoder(SeriesSpec(LENGTH, is_invariant=False), max_instances=MAX_INSTANCES)
SERIES = np.linspace(-2, 2, 2 * LENGTH).reshape(2, LENGTH)


def _npy(array: NDArray[np.float64], dtype: str) -> bytes:
    file = io.BytesIO()
    np.save(file, array.astype(dtype))
    return file.getvalue()


JSON_BODY = json.dumps({"instances": SERIES.round(3).tolist()}).encode()
NPY_BODIES = [_npy(SERIES, dtype) for dtype in ("<f4", ">f8", "<i2")]

# A mutation: where (as a fraction), how many bytes go, and what comes in their place.
fragments = st.binary(max_size=4) | st.sampled_from(
    [*(bytes([one]) for one in b'[]{}(),"L'), b"null", b"NaN", b"-Infinity", b"1e400", b"1e39", b"-1"]
)
mutations = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), fragments), min_size=1, max_size=4)


def mutated(body: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """The body after some bytes of it were replaced, removed or added."""
    for where, gone, new in changes:
        at = int(where * len(body))
        body = body[:at] + new + body[at + gone :]
    return body


def hold_promise(decode: Decoder, body: bytes) -> None:
    """Decode, and check that the outcome is one of the two that are promised."""
    try:
        series = decode(body).series
    except PayloadError as error:
        assert str(error).isprintable(), str(error)  # noqa: PT017 - both outcomes are right
        assert len(str(error)) < 300  # noqa: PT017
        return
    assert series.dtype == np.float32
    assert series.ndim == 2
    assert 1 <= len(series) <= MAX_INSTANCES
    assert series.shape[1] == LENGTH
    assert series.flags.c_contiguous
    assert np.isfinite(series).all()


@settings(max_examples=500)
@given(mutations)
def test_a_mutated_json_body_is_read_or_refused(changes: list[tuple[float, int, bytes]]) -> None:
    """Whatever happens to a JSON body on its way, the outcome is an array that fits or a PayloadError."""
    hold_promise(JSON_DECODER, mutated(JSON_BODY, changes))


@settings(max_examples=500)
@given(st.sampled_from(NPY_BODIES), mutations)
def test_a_mutated_npy_body_is_read_or_refused(body: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    """Whatever happens to an npy body on its way, the outcome is an array that fits or a PayloadError."""
    hold_promise(NPY_DECODER, mutated(body, changes))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(json_values | st.fixed_dictionaries({"instances": json_values}))
def test_any_json_document_is_read_or_refused(document: object) -> None:
    """A JSON document of any form is an array that fits or a PayloadError."""
    hold_promise(JSON_DECODER, json.dumps(document).encode())


pieces = st.sampled_from(
    [
        *("'descr'", "'fortran_order'", "'shape'", "True", "None", "'<f4'", "'|O'", "'a5'", "'(2,)<f4'"),
        *("(2, 5)", "(2L, 5L)", "(-1, 5)", "5", "[('a', '<f4')]", "'\\d'", "1if", "lambda: 0"),
        *"{}()[]:,-~#\n\\'\"\0",
    ]
)
headers = st.lists(pieces, max_size=20).map(" ".join) | st.tuples(pieces, pieces, pieces).map(
    lambda parts: "{{'descr': {}, 'fortran_order': {}, 'shape': {}}}".format(*parts)
)


@settings(max_examples=500)
@given(headers, st.sampled_from([0, 20, 40, 80]), st.sampled_from([b"\x01\x00", b"\x02\x00"]))
def test_any_npy_header_is_read_or_refused(header: str, data: int, version: bytes) -> None:
    """A header made of anything that the format's parsers know is an array that fits or a PayloadError."""
    size = len(header).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    hold_promise(NPY_DECODER, b"\x93NUMPY" + version + size + header.encode("latin-1") + bytes(data))


@pytest.mark.parametrize("decode", [JSON_DECODER, NPY_DECODER], ids=["json", "npy"])
@given(body=st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"\x93NUMPY\x01\x00" + rest))
def test_any_bytes_are_read_or_refused(decode: Decoder, body: bytes) -> None:
    """Bytes of any kind are an array that fits or a PayloadError."""
    hold_promise(decode, body)


@settings(max_examples=500)
@given(st.sampled_from(["gzip", "deflate"]), st.binary(max_size=2000), mutations)
def test_a_mutated_compressed_body_is_read_or_refused(
    encoding: str, plain: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    """Compressed data that were changed are refused, unless they are still what they were."""
    packed = gzip.compress(plain, mtime=0) if encoding == "gzip" else zlib.compress(plain)
    body = mutated(packed, changes)
    try:
        result = decompress(body, encoding=encoding, max_bytes=5000)
    except PayloadError as error:
        assert str(error).isprintable()  # noqa: PT017 - both outcomes are right
    else:
        # The checksums leave nothing else: what changed can only be gzip's time, flags or name.
        assert result == plain


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_first_cases_of_make_fuzz_break_no_promise(target: Target) -> None:
    """What is read is what other readers of the format make of it, and all else is refused in a line."""
    for number in range(FIRST_CASES):
        assert target.check(target.case(0, number)) is None, (
            f"python -m qa.fuzz --case {target.name}/{number}"
        )
