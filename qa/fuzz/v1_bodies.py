"""JSON bodies of the V1 protocols: rows, columns and examples; right, nearly right, or large."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

from qa.fuzz import json_bodies
from qa.fuzz.cases import LARGE, MAX_BYTES, Case, Size, count, rows, size
from qa.fuzz.numbers import NOT_JSON, float32, number

PREDICT, CLASSIFY = "predict", "classify"
INPUT = "series"
_METHODS = (*(PREDICT,) * 9, CLASSIFY)
_SIGNATURES: tuple[Any, ...] = ("serving_default", "", "other", None, 1, [], {"b64": "AA=="})
_ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    "1",
    [1],
    {"b64": "AA=="},
    {},
    2**24,
    2**24 - 1,
    -(2**24),
    2**53 + 1,
    10**30,
)
# Rare values that the standard library writes as it reads them.
_WORDS = (float("nan"), float("inf"), float("-inf"))
_NAME = re.compile(rb'"instances"')


def case(rng: Random) -> Case:
    """One body: of these protocols, or of the server's own with another name, or with bytes changed."""
    method = rng.choice(_METHODS)
    if not rng.getrandbits(9):
        return Case(rng.choice(_MANY)(rng)[:MAX_BYTES], LARGE, head=method)
    of = LARGE if not rng.getrandbits(6) else size(rng)
    if not rng.randrange(3):
        name = rng.choice((b'"instances"', b'"inputs"', b'"examples"'))
        body = _NAME.sub(lambda _: name, json_bodies.document(rng, of))
    else:
        body = json.dumps(document(rng, of, method, odd=bool(rng.getrandbits(1)))).encode()
    if not rng.randrange(3):
        body = json_bodies.mutate(rng, body, json_bodies.document(rng, of))
    return Case(body[:MAX_BYTES], of, head=method)


def document(rng: Random, of: Size, method: str, *, odd: bool) -> dict[str, Any]:
    """A request that may be what a model of this size takes, or is wrong in a few places."""
    number_of_rows = rows(rng, of)
    series = [_series(rng, of, odd=odd) for _ in range(count(rng, number_of_rows) if odd else number_of_rows)]
    if method == CLASSIFY:
        found: dict[str, Any] = {"examples": [{INPUT: each} for each in series]}
    elif rng.getrandbits(1):
        named = not rng.getrandbits(1)
        found = {"instances": [{INPUT: each} for each in series] if named else series}
    else:
        found = {"inputs": {INPUT: series} if rng.getrandbits(1) else series}
    if not rng.randrange(4):
        found["signature_name"] = rng.choice(_SIGNATURES if odd else _SIGNATURES[:2])
    if odd:
        _bend(rng, found)
    return found


def _series(rng: Random, of: Size, *, odd: bool) -> list[Any]:
    length = count(rng, of.length) if odd and not rng.getrandbits(2) else of.length
    if length > 100:
        return rng.choices([rng.uniform(-4, 4) for _ in range(40)], k=length)
    make: Callable[[Random], str] = number if odd and not rng.getrandbits(2) else float32
    values: list[Any] = [float(text) for text in (make(rng) for _ in range(length)) if len(text) < 400]
    values = (values + [0] * length)[:length]
    if odd and values and not rng.randrange(3):
        values[rng.randrange(len(values))] = rng.choice((*_ODD_VALUES, *_WORDS))
    return values


def _bend(rng: Random, found: dict[str, Any]) -> None:
    """Change one thing of a request."""
    name = next(iter(found))
    value = found[name]
    match rng.randrange(8):
        case 0:
            found[rng.choice(("instances", "inputs", "examples", "x"))] = rng.choice((value, [], None))
        case 1:
            found[name] = rng.choice((None, [], {}, "x", 1, [[]], [value], {INPUT: []}, {"other": value}))
        case 2 if isinstance(value, list) and value:
            value[rng.randrange(len(value))] = rng.choice(
                ({INPUT: [1]}, [1], None, {"a": 1}, {INPUT: 1, "x": 1})
            )
        case 3 if isinstance(value, list):
            value.append(rng.choice((*value, [], {})))
        case _:
            pass


def _long_list(rng: Random) -> bytes:
    unit = rng.choice((*NOT_JSON[-20:], "0", "[1]", '{"series":[1]}', '{"b64":"AA=="}')).encode()
    name = rng.choice((b"instances", b"inputs", b"examples"))
    return b'{"%b":[' % name + b",".join([unit] * (rng.randrange(MAX_BYTES) // (len(unit) + 1) + 1)) + b"]}"


def _deep(rng: Random) -> bytes:
    depth = rng.randrange(MAX_BYTES // 8)
    opening, closing = rng.choice(((b"[", b"]"), (b'{"series":', b"}")))
    return b'{"instances":' + opening * depth + b"1" + closing * rng.choice((depth, 0, depth - 1)) + b"}"


def _full(rng: Random) -> bytes:
    body = json_bodies.plain(rng, rng.choice((255, 256, 257)), 500)
    return body if rng.getrandbits(1) else _NAME.sub(b'"inputs"', body)


_MANY: tuple[Callable[[Random], bytes], ...] = (_long_list, _deep, _full)
