"""Queries of requests for explanations, and their oracle."""

from __future__ import annotations

import re
from random import Random
from urllib.parse import parse_qs, quote

from app.api.explain_parameters import ExplainQuery, read_query
from app.errors import PayloadError
from qa.fuzz.cases import SMALL, Case
from qa.fuzz.oracles import wording

_COUNTS = (
    *("0", "1", "10", "25", "999999999", "1000000000"),
    *("-1", "+1", "01", "1.0", "1e3", "", " 1", "\uff11", "x"),
)
_PAIRS = (
    *("0", "10x25", "1x1", "0x5", "5x0", "10X25", "10x", "x"),
    *("10x25x3", "-1x2", "1 x 2", "00x1", "\u0661x\u0661"),
)
_LABELS = ("1", "-1", "", "é", "a&b", "%00", "\n", "x" * 5_000)
_VALUES = {"label": _LABELS, "windows": _COUNTS, "bands": _COUNTS, "cells": _PAIRS, "other": ("", "1")}
_NAMES = tuple(_VALUES)
_BYTES = b"&=%;+x0\x00\xff"


def case(rng: Random) -> Case:
    """A query: some parameters, right or wrong, some of them twice; or with bytes changed."""
    names = [rng.choice(_NAMES) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 40)))]
    pairs = [(name, rng.choice(_VALUES[name])) for name in names]
    body = bytearray("&".join(f"{name}={quote(value, safe='')}" for name, value in pairs).encode())
    for _ in range(rng.choice((0, 0, 1, 3))):
        body[rng.randrange(len(body) + 1) : rng.randrange(len(body) + 1)] = bytes([rng.choice(_BYTES)])
        body = body or bytearray(b"&")
    return Case(bytes(body), SMALL)


def read(case: Case) -> ExplainQuery:
    """The options of a query; raises a `PayloadError` if one is invalid."""
    return read_query(case.body)


def check(case: Case) -> str | None:
    """The violation of a query; None without one."""
    expected = _expected(case.body)
    try:
        found = read(case)
    except PayloadError as error:
        return wording(error) or (f"a valid query is refused: {error}" if expected is not None else None)
    return None if found == expected else f"read {found!r}, expected {expected!r}"


def _expected(query: bytes) -> ExplainQuery | None:
    """The options by the standard library and Python's own numbers; None if one is invalid."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    given = {name: values.get(name, []) for name in _NAMES}
    if any(len(values) > 1 for name, values in given.items() if name != "other"):
        return None
    label, windows, bands, cells = ("".join(given[name]) if given[name] else None for name in _NAMES[:4])
    if not (_is_count(windows) and _is_count(bands) and _is_pair(cells)):
        return None
    pair = None if cells is None else tuple(map(int, cells.split("x"))) if cells != "0" else (0, 0)
    return ExplainQuery(
        label,
        None if windows is None else int(windows),
        None if bands is None else int(bands),
        pair,  # type: ignore[arg-type]  # two numbers: see `_is_pair`
    )


def _is_count(text: str | None) -> bool:
    if text is None:
        return True
    return text.isascii() and text.isdigit() and str(int(text)) == text and int(text) < 10**9


def _is_pair(text: str | None) -> bool:
    if text is None or text == "0":
        return True
    parts = re.split("x", text)
    return len(parts) == 2 and all(_is_count(part) and part != "0" for part in parts)
