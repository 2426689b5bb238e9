"""What may become of a body, and what must not: each judge gives the complaint about one case, if any."""

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
_MOST_WORDS = 300


@lru_cache
def json_decoder(size: Size) -> JsonDecoder:
    """The decoder for a model of a size; making one takes longer than most bodies."""
    return JsonDecoder(_spec(size), max_instances=size.max_instances)


@lru_cache
def npy_decoder(size: Size) -> NpyDecoder:
    """The same for npy."""
    return NpyDecoder(_spec(size), max_instances=size.max_instances)


def _spec(size: Size) -> SeriesSpec:
    return SeriesSpec(size.length, is_invariant=False)


def judge_json(case: Case) -> str | None:
    """What is wrong with what becomes of a JSON body; None if nothing is."""
    decoder = json_decoder(case.size)
    spec, most = _spec(case.size), case.size.max_instances
    return judged(decoder, case, expected_json(case)) or disagreement(
        lambda body: read_plain(body, spec, max_instances=most), decoder.validated, case.body
    )


def judge_npy(case: Case) -> str | None:
    """What is wrong with what becomes of an npy body; None if nothing is."""
    return judged(npy_decoder(case.size), case, expected_npy(case))


def judge_encoded(case: Case) -> str | None:
    """What is wrong with what becomes of a compressed body; None if nothing is."""
    return judged_encoding(unpack, case, decompressed(case))


def unpack(case: Case) -> bytes:
    """The body without its encoding, at most `MAX_BYTES` of it."""
    return decompress(case.body, encoding=case.encoding, max_bytes=MAX_BYTES)


def judged_encoding(unpack: Callable[[Case], bytes], case: Case, expected: bytes | None) -> str | None:
    """Hold what comes out of a body against what another reader gets out of it.

    Args:
        unpack: gives the body without its encoding.
        case: the body.
        expected: what the other reader gets; None if the body is broken.
    """
    try:
        plain = unpack(case)
    except UnsupportedMediaType as error:
        return wording(error)
    except PayloadError as error:
        is_whole = expected is not None and len(expected) <= MAX_BYTES
        return f"refused, and it is whole: {error}" if is_whole else wording(error)
    if len(plain) > MAX_BYTES:
        return f"{len(plain)} bytes came out"
    return None if plain == expected else "not what zlib makes of it"


def judged(decode: Decoder, case: Case, expected: NDArray[np.float32] | None) -> str | None:
    """Hold the outcome against what a decoder promises, and against another reader's.

    Args:
        decode: the decoder.
        case: its body.
        expected: what the other reader makes of the body; None if it is nothing that the model takes.
    """
    try:
        series = decode(case.body).series
    except PayloadError as error:
        return wording(error) if expected is None else f"refused, and it fits: {error}"
    problems = {
        f"dtype {series.dtype}": series.dtype != np.float32,
        f"shape {series.shape}": series.ndim != 2 or series.shape[1] != case.size.length,
        f"{len(series)} series": not 1 <= len(series) <= case.size.max_instances,
        "not C-contiguous": not series.flags.c_contiguous,
        "not aligned": not series.flags.aligned,
        "not finite": not np.isfinite(series).all(),
        "taken, and it does not fit": expected is None,
        "not the numbers of the body": expected is not None and series.tobytes() != expected.tobytes(),
    }
    return next((problem for problem, found in problems.items() if found), None)


def disagreement(short: Numbers, long: Numbers, body: bytes) -> str | None:
    """Whether one reader takes what another does not take, or takes as other numbers.

    Args:
        short: gives None for what it leaves to the other.
        long: raises a `PayloadError` for what is wrong.
        body: JSON.
    """
    taken = short(body)
    if taken is None:
        return None
    try:
        other = long(body)
    except PayloadError as error:
        return f"simdjson takes what pydantic refuses: {error}"
    same = other is not None and taken.tobytes() == other.tobytes()
    return None if same else "simdjson and pydantic read other numbers"


def wording(error: PayloadError) -> str | None:
    """What is wrong with the words of a refusal."""
    text = str(error)
    if not text.isprintable() or len(text) > _MOST_WORDS or not text:
        return f"a message that is no line for people: {text[:_MOST_WORDS]!r}"
    return None
