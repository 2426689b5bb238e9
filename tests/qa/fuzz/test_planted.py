"""The cases expose faults that decoders and parsers may have: several of each target, within 500 cases."""

from __future__ import annotations

import io
import json
import math
import re
import tokenize
import zlib
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from app.contract import Artifact
from qa.fuzz.cases import Case
from qa.fuzz.http_requests import Requests
from qa.fuzz.references import decompressed, expected_json, expected_npy
from qa.fuzz.target import TARGETS

SEED, CASES = 0, 500
# What larger ones expose, a small one does too.
LARGEST = 20_000
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, SyntaxError)
Exposes = Callable[[Case], object]


def _taken(load: Callable[[str], Any]) -> Exposes:
    """Whether a reader of JSON takes a body that does not fit."""

    def exposes(case: Case) -> bool:
        try:
            rows = load(case.body.decode())["instances"]
            if not all(type(value) in {int, float} for row in rows for value in row):
                return False
            series = np.array(rows, np.float64)
        except _UNREADABLE:
            return False
        fits = series.shape[1:] == (case.size.length,) and len(series) <= case.size.max_instances
        return fits and bool((abs(series) < 1e38).all()) and expected_json(case) is None

    return exposes


def _header(check: Callable[[Case, tuple[int, ...], np.dtype[Any], int], object]) -> Exposes:
    """Whether what numpy reads in a header, with the number of bytes behind it, exposes a fault."""

    def exposes(case: Case) -> object:
        body = io.BytesIO(case.body)
        try:
            is_second = npy.read_magic(body) == (2, 0)
            read = npy.read_array_header_2_0 if is_second else npy.read_array_header_1_0
            shape, _, dtype = read(body, max_header_size=1024)
        except (*_UNREADABLE, tokenize.TokenError, UserWarning):
            return False
        return check(case, shape, dtype, len(case.body) - body.tell())

    return exposes


def _tensor(check: Callable[[Case, dict[str, Any], int], object]) -> Exposes:
    """Whether the first input of a V2 request, with the number of bytes behind its JSON, exposes a fault."""

    def exposes(case: Case) -> object:
        length = int(case.head) if case.head else len(case.body)
        try:
            tensor = json.loads(case.body[:length])["inputs"][0]
            return check(case, tensor, len(case.body) - length)
        except (*_UNREADABLE, AttributeError):
            return False

    return exposes


def _stream(wbits: int, check: Callable[[Case, Any], object]) -> Exposes:
    """Whether what zlib makes of the first stream, or what it raises, exposes a fault."""

    def exposes(case: Case) -> object:
        stream = zlib.decompressobj(wbits)
        try:
            stream.decompress(case.body, 1_000_000)
        except zlib.error as error:
            return check(case, error)
        return check(case, stream)

    return exposes


def _ends(case: Case, stream: Any) -> bool:
    return isinstance(stream, type(zlib.decompressobj())) and stream.eof and decompressed(case) is None


def _matches(pattern: bytes) -> Callable[[bytes], object]:
    return re.compile(pattern).search


FAULTS: Mapping[str, Mapping[str, Exposes]] = {
    "json": {
        "of two fields of a name the last one counts": _taken(json.loads),
        "NaN is a number": _taken(lambda text: json.loads(text, parse_constant=lambda _: 0.0)),
        "what follows the document is ignored": _taken(lambda text: json.JSONDecoder().raw_decode(text)[0]),
        "leading zeros are ignored": _taken(
            lambda text: json.loads(re.sub(r"(?<=[\[, -])0+(?=\d)", "", text))
        ),
        "a second row's length is not checked": _taken(
            lambda text: {"instances": [json.loads(text)["instances"][0]]}
        ),
        "a name that is no text": lambda case: re.search(rb'"\\ud800"\s*:', case.body),
    },
    "npy": {
        "another version is read as the first": lambda case: case.body[6:8] == b"\x03\x00",
        "bytes behind the data are ignored": _header(
            lambda case, shape, dtype, rest: (
                shape[1:] == (case.size.length,) and 0 < _bytes(shape, dtype) < rest
            )
        ),
        "too few bytes are not seen": _header(lambda _, shape, dtype, rest: 0 <= rest < _bytes(shape, dtype)),
        "the byte order is ignored": _header(
            lambda case, _, dtype, __: dtype.byteorder == ">" and expected_npy(case) is not None
        ),
        "a size wraps at 64 bits": _header(lambda _, shape, dtype, __: _bytes(shape, dtype) >= 2**64),
        "a negative dimension": _header(lambda _, shape, __, ___: min(shape, default=0) < 0),
    },
    "v2": {
        "a shape's product wraps at 64 bits": _tensor(
            lambda _, tensor, __: math.prod(map(int, tensor["shape"])) >= 2**64
        ),
        "a negative size": _tensor(lambda _, tensor, __: min(tensor["shape"]) < 0),
        "the size of the data lies": _tensor(
            lambda _, tensor, rest: 0 < tensor["parameters"]["binary_data_size"] != rest
        ),
        "a header beyond the body": lambda case: case.head and int(case.head) > len(case.body),
        "a header within the JSON": lambda case: case.head and 0 < int(case.head) < case.body.find(b"}"),
        "one input of two counts": lambda case: case.body.count(b'"shape"') == 2,
        "BYTES are numbers": _tensor(lambda _, tensor, rest: tensor["datatype"] == "BYTES" and rest),
    },
    "v1": {
        "NaN is a number": lambda case: b"NaN" in case.body,
        "integers lose digits": lambda case: b"16777216" in case.body,
        "rows may be mixed": lambda case: re.search(rb"\]\}, (\[|null)|\], \{", case.body),
        "any signature": lambda case: b'"signature_name": "other"' in case.body,
        "both rows and columns": lambda case: b'"instances"' in case.body and b'"inputs"' in case.body,
    },
    "encoding": {
        "what follows the stream is ignored": _stream(15, _ends),
        "a stream that is cut off is taken": _stream(31, lambda _, stream: not getattr(stream, "eof", True)),
        "a wrong checksum raises": _stream(31, lambda _, error: "incorrect data check" in str(error)),
        "a wrong length raises": _stream(31, lambda _, error: "incorrect length check" in str(error)),
        "deflate without a header is taken": _stream(-15, _ends),
        "a second coding is ignored": lambda case: case.encoding == "gzip, gzip",
    },
}
WIRE: Mapping[str, Callable[[bytes], object]] = {
    "of two lengths one counts": _matches(rb"Content-Length: (\d+)\r\n(?:.+\r\n)*Content-Length: (?!\1\r\n)"),
    "a length beside chunks": _matches(rb"\r\nContent-Length: \d(?s:.*)\r\nTransfer-Encoding: chunked\r\n"),
    "a chunk's size wraps": _matches(rb"\r\n[89a-f]0{15}\r\n"),
    "a bare LF ends a line": _matches(rb"^[A-Z]+ \S+ HTTP/1\.1\n"),
    "a line goes on": _matches(rb"\r\n[ \t]+\S.*\r\n"),
    "NUL in a header": _matches(rb"\r\n[A-Za-z-]+:[^\r\n]*\x00"),
    "a thousand headers": _matches(rb"^(?:.+\r\n){1000}"),
}


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize


@pytest.mark.parametrize("name", FAULTS)
def test_the_cases_of_a_decoder_expose_its_faults(name: str) -> None:
    """Each fault by a case of its own or another's."""
    unseen = dict(FAULTS[name])
    for number in range(CASES):
        if not unseen:
            break
        case = TARGETS[name].case(SEED, number)
        if len(case.body) < LARGEST:
            unseen = {fault: exposes for fault, exposes in unseen.items() if not exposes(case)}
    assert not unseen


def test_the_requests_expose_faults_of_a_parser(artifact: Artifact) -> None:
    """The same of what is sent on connections."""
    requests, unseen = Requests(artifact), dict(WIRE)
    for number in range(CASES):
        if not unseen:
            break
        data = requests.stream(Random(f"{SEED}/{number}"))
        if len(data) < LARGEST:
            unseen = {fault: exposes for fault, exposes in unseen.items() if not exposes(data)}
    assert not unseen
