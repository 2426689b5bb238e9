"""JSON bodies that are valid, nearly valid, or large: documents in every form that JSON allows."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from random import Random

from qa.fuzz.cases import LARGE, MAX_BYTES, Case, Size, count, rows, size
from qa.fuzz.mutations import Mutator
from qa.fuzz.numbers import EDGES, NOT_JSON, float32, number

_SPACES = ("", "", "", " ", "\n", "\t\r\n ", "  ")
_NOT_SPACES = ("\u00a0", "\u2028", "\x0b", "\x00", "\ufeff", "/**/", "//\n", "#\n")
_NAMES = (
    *('"instances"',) * 20, '"\\u0069nstances"', '"inst\\u0061nces"', '"Instances"', '"instances "',
    '"instance"', "'instances'", "instances", '"instances\\u0000"', '"inst\u0430nces"', '"\\ud800"', '""',
    "0",
)  # fmt: skip
_EXTRAS = (
    '"x": 1', '"instances": [[1]]', '"instances": null', '"instances": []',
    '"\\u0069nstances": [[1,2,3,4,5]]', '"__class__": {"__init__": []}', '"x": {"x": {"x": [[[[]]]]}}',
    '"\\udc00": 0', '"é": "é"', '"x": 1e999', ",",
)  # fmt: skip
_FRAGMENTS = (
    *(bytes([one]) for one in b'[]{}:,"\\ \n\t\x00\x1f\x7f\x80\xff-+.eE0'), b"null", b"true", b"NaN",
    b"[[", b"]]", b"],[", b'":', b'{"a":', b"\\u0000", b"\\ud83d", b"\\ud83d\\ude00", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b'"instances":', b'"instances":[[1,2,3,4,5]],',
    codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE,
    *(text.encode() for text in (*EDGES, *NOT_JSON) if text),
)  # fmt: skip
_ENCODINGS = (*("utf-8",) * 12, "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7")
# Longer series have fewer different numbers.
_FEW = 100

mutate = Mutator(_FRAGMENTS)


def case(rng: Random) -> Case:
    """One body: a document; half of the cases have changed bytes."""
    if not rng.getrandbits(9):
        return Case(rng.choice(_MANY)(rng)[:MAX_BYTES], LARGE)
    of = size(rng)
    body = document(rng, of)
    if rng.getrandbits(1):
        body = mutate(rng, body, document(rng, of))
    return Case(body[:MAX_BYTES], of)


def document(rng: Random, of: Size) -> bytes:
    """A document that is valid for a model of this size, or invalid in a few places."""
    odd = not rng.getrandbits(1)
    number_of_rows = rows(rng, of)
    series = [_series(rng, of, odd) for _ in range(count(rng, number_of_rows) if odd else number_of_rows)]
    comma = f"{rng.choice(_SPACES)},{_space(rng, odd)}"
    instances = f"[{_space(rng, odd)}{comma.join(series)}{rng.choice(_SPACES)}]"
    if odd:
        instances = rng.choice(
            (instances,) * 6 + (*series[:1], f"[{instances}]", f"{{{instances}}}", "null", "{}")
        )
    fields = [
        f"{rng.choice(_NAMES) if odd else _NAMES[0]}{rng.choice(_SPACES)}:{rng.choice(_SPACES)}{instances}"
    ]
    if odd and not rng.getrandbits(1):
        fields.insert(rng.getrandbits(1), rng.choice(_EXTRAS))
    text = f"{rng.choice(_SPACES)}{{{', '.join(fields)}}}{_space(rng, odd)}"
    encoding = rng.choice(_ENCODINGS) if odd else "utf-8"
    return (text * 2 if odd and not rng.getrandbits(5) else text).encode(encoding, "surrogatepass")


def plain(rng: Random, rows: int, length: int) -> bytes:
    """A series as a client sends it."""
    return json.dumps(
        {"instances": [[rng.uniform(-4, 4) for _ in range(length)] for _ in range(rows)]}
    ).encode()


def _series(rng: Random, of: Size, odd: bool) -> str:
    if of.length > _FEW:
        some = [text for text in (float32(rng) for _ in range(40)) if len(text) < 25]  # all must fit a body
        values = rng.choices(some, k=count(rng, of.length) if odd else of.length)
    elif odd:
        values = [(number if not rng.getrandbits(3) else float32)(rng) for _ in range(count(rng, of.length))]
    else:
        values = [float32(rng) for _ in range(of.length)]
    if odd and values and not rng.getrandbits(1):
        values[rng.randrange(len(values))] = rng.choice(NOT_JSON)
    return f"[{rng.choice(_SPACES)}{f'{rng.choice(_SPACES)},{rng.choice(_SPACES)}'.join(values)}]"


def _space(rng: Random, odd: bool) -> str:
    return rng.choice(_NOT_SPACES) if odd and not rng.getrandbits(4) else rng.choice(_SPACES)


def _many_values(rng: Random) -> bytes:
    unit = rng.choice((*EDGES, *NOT_JSON, '"a"', "[1]", '{"a":1}', '"a":1')).encode()
    head, tail = rng.choice(
        ((b'{"instances":[[', b"]]}"), (b'{"instances":[', b"]}"), (b'{"x":[', b"]}"), (b"{", b"}"))
    )
    return head + b",".join([unit] * (rng.randrange(MAX_BYTES) // (len(unit) + 1) + 1)) + tail


def _much_of_one(rng: Random) -> bytes:
    unit = rng.choice(_FRAGMENTS)
    head, tail = rng.choice(
        ((b'{"instances":[[1', b"]]}"), (b'{"instances":[["', b'"]]}'), (b"", b""), (b'{"', b'":1}'))
    )
    return head + unit * (rng.randrange(MAX_BYTES) // len(unit)) + tail


def _deep(rng: Random) -> bytes:
    opening, closing = rng.choice(
        ((b"[", b"]"), (b'{"a":', b"}"), (b'{"instances":[', b"]}"), (b"[{", b"}]"))
    )
    depth = rng.randrange(MAX_BYTES // 8)
    return b'{"instances":' + opening * depth + b"1" + closing * rng.choice((depth, 0, depth - 1)) + b"}"


def _full(rng: Random) -> bytes:
    body = plain(rng, rng.choice((255, 256, 257)), rng.choice((500, 500, 499)))
    return mutate(rng, body) if rng.getrandbits(1) else body


_MANY: tuple[Callable[[Random], bytes], ...] = (_many_values, _much_of_one, _deep, _full)
