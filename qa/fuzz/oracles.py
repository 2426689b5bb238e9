"""Oracles of the decoders: each returns the violation of a case, or None."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.api.payloads import Decoder, JsonDecoder, NpyDecoder, decompress
from app.api.payloads.plain_json import read_plain
from app.errors import PayloadError, UnsupportedMediaType
from app.series.spec import SeriesSpec
from qa.fuzz.cases import MAX_BYTES, Case, Size
from qa.fuzz.references import decompressed, expected_json, expected_npy

Numbers = Callable[[bytes], NDArray[np.float64] | None]
_MAX_CHARACTERS = 300


@lru_cache
def json_decoder(size: Size) -> JsonDecoder:
    """The decoder for a model of a size; cached, since making one takes longer than most bodies."""
    return JsonDecoder(_spec(size), max_instances=size.max_instances)


@lru_cache
def npy_decoder(size: Size) -> NpyDecoder:
    """The same for npy."""
    return NpyDecoder(_spec(size), max_instances=size.max_instances)


def _spec(size: Size) -> SeriesSpec:
    return SeriesSpec(size.length, is_invariant=False)


def check_json(case: Case) -> str | None:
    """The violation of a JSON body; None without one."""
    decoder = json_decoder(case.size)
    spec, most = _spec(case.size), case.size.max_instances
    return check_decoded(decoder, case, expected_json(case)) or disagreement(
        lambda body: read_plain(body, spec, max_instances=most), decoder.validated, case.body
    )


def check_npy(case: Case) -> str | None:
    """The violation of an npy body; None without one."""
    return check_decoded(npy_decoder(case.size), case, expected_npy(case))


def check_encoded(case: Case) -> str | None:
    """The violation of a compressed body; None without one."""
    return check_decompressed(unpack, case, decompressed(case))


def unpack(case: Case) -> bytes:
    """The decompressed body, at most `MAX_BYTES`."""
    return decompress(case.body, encoding=case.encoding, max_bytes=MAX_BYTES)


def check_decompressed(unpack: Callable[[Case], bytes], case: Case, expected: bytes | None) -> str | None:
    """Compare a decompressed body with that of another reader.

    Args:
        unpack: decompresses the body.
        case: the body.
        expected: output of the other reader; None if the body is invalid.
    """
    try:
        plain = unpack(case)
    except UnsupportedMediaType as error:
        return wording(error)
    except PayloadError as error:
        is_whole = expected is not None and len(expected) <= MAX_BYTES
        return f"a valid body is refused: {error}" if is_whole else wording(error)
    if len(plain) > MAX_BYTES:
        return f"decompressed to {len(plain)} bytes, over the limit"
    return None if plain == expected else "differs from the output of zlib"


def check_decoded(decode: Decoder, case: Case, expected: NDArray[np.float32] | None) -> str | None:
    """Check the decoder's promises and compare its output with that of another reader.

    Args:
        decode: the decoder.
        case: the body.
        expected: output of the other reader; None if the model must not accept the body.
    """
    try:
        series = decode(case.body).series
    except PayloadError as error:
        return wording(error) if expected is None else f"a valid body is refused: {error}"
    return broken_promise(series, case, expected)


def broken_promise(
    series: NDArray[np.float32], case: Case, expected: NDArray[np.float32] | None
) -> str | None:
    """The promise that decoded series break, or None.

    Args:
        series: of an accepted body.
        case: the body.
        expected: the numbers of the body; None if it should not have been accepted.
    """
    problems = {
        f"dtype {series.dtype}": series.dtype != np.float32,
        f"shape {series.shape}": series.ndim != 2 or series.shape[1] != case.size.length,
        f"{len(series)} series": not 1 <= len(series) <= case.size.max_instances,
        "not C-contiguous": not series.flags.c_contiguous,
        "not aligned": not series.flags.aligned,
        "not finite": not np.isfinite(series).all(),
        "an invalid body is accepted": expected is None,
        "differs from the numbers of the body": expected is not None
        and series.tobytes() != expected.tobytes(),
    }
    return next((problem for problem, found in problems.items() if found), None)


def disagreement(short: Numbers, long: Numbers, body: bytes) -> str | None:
    """The violation if one reader accepts what the other refuses, or reads other numbers.

    Args:
        short: returns None for what it leaves to the other reader.
        long: raises a `PayloadError` for an invalid body.
        body: JSON.
    """
    taken = short(body)
    if taken is None:
        return None
    try:
        other = long(body)
    except PayloadError as error:
        return f"simdjson accepts what pydantic refuses: {error}"
    same = other is not None and taken.tobytes() == other.tobytes()
    return None if same else "simdjson and pydantic read other numbers"


def wording(error: PayloadError) -> str | None:
    """The violation of an error message: not printable, empty or too long."""
    text = str(error)
    if not text.isprintable() or len(text) > _MAX_CHARACTERS or not text:
        return f"an error message is not one printable line: {text[:_MAX_CHARACTERS]!r}"
    return None
