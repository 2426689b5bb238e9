"""Fast path for plain JSON bodies: no Python object is created for each number.

simdjson reads the text in one pass and gives its numbers out as one buffer of doubles: in two thirds of
pydantic's time for one series, a quarter for many. It reports no errors: any other
body is left to `JsonDecoder`, which parses it again and reports what is wrong. So this must never accept a
body that `JsonDecoder` refuses, but may leave valid ones to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import simdjson
from numpy.typing import NDArray

from app.series.spec import SeriesSpec

# All but what says where lists begin and end, and how many things are in them.
NOT_STRUCTURE = bytes(sorted(set(range(256)) - set(b"[],")))


def read_plain(
    body: bytes,
    spec: SeriesSpec,
    *,
    max_instances: int,
    path: tuple[str, ...] = ("instances",),
    item: str | None = None,
    constants: Mapping[str, Set[str]] | None = None,
) -> NDArray[np.float64] | None:
    """The numbers `float64[n, *spec.shape]`, finite, of a plain `{"instances": [[…], …]}` in ASCII.

    None for anything else, however little it differs: a second field, a series too short, a word.

    Args:
        body: of a request.
        spec: of its series.
        max_instances: most series.
        path: names of the field with the series: of an object in the field before it, from the second on.
        item: name of the only field of an object around each series; None if they have no objects.
        constants: further fields that the body may have, with the values they may have: strings without
            brackets and commas.
    """
    # ASCII alone, from the brace on: nothing is left to two parsers' ideas of UTF-8 and byte order marks.
    if not (body.startswith(b"{") and body.isascii()):
        return None
    length = spec.length
    try:
        # A new parser each time: an old one is no faster, and keeps memory for the largest body it has seen.
        document = simdjson.Parser().parse(body)
        instances = _at_path(document, path, constants)
        if not isinstance(instances, simdjson.Array) or not 1 <= len(instances) <= max_instances:
            return None
        found = instances if item is None else [_at_path(each, (item,), None) for each in instances]
        # Before the numbers are written out: a body of 4 MB can have millions in one list.
        if not all(isinstance(series, simdjson.Array) and len(series) == length for series in found):
            return None
        if spec.channels > 1 and not _are_nested(body, len(instances), spec):
            return None
        numbers = _numbers(instances) if item is None else np.concatenate(list(map(_numbers, found)))
    except (ValueError, TypeError, KeyError, RuntimeError):  # all that simdjson raises
        return None
    if spec.channels > 1:
        return numbers.reshape(-1, *spec.shape)
    # As many lists as series and one around them: there is none within a series.
    return None if has_more_lists(body, len(instances) + 1) else numbers.reshape(-1, length)


def _numbers(values: simdjson.Array) -> NDArray[np.float64]:
    """All numbers of a list; fails on anything but numbers and lists, and forgets which list they were in."""
    return np.frombuffer(values.as_buffer(of_type="d"), np.float64)


def _at_path(found: Any, path: tuple[str, ...], constants: Mapping[str, Set[str]] | None) -> Any:
    """The value at a path; None if an object on it has other fields, or one of them twice."""
    for name in path:
        if not isinstance(found, simdjson.Object):
            return None
        if len(found) != 1 and not (constants and _are_constant(found, name, constants)):
            return None
        found, constants = found[name], None
    return found


def _are_constant(found: simdjson.Object, name: str, constants: Mapping[str, Set[str]]) -> bool:
    """Whether all fields but one of this name have one of the values that they may have."""
    names = list(found.keys())
    is_once = len(set(names)) == len(names)
    return is_once and all(each == name or found[each] in constants.get(each, ()) for each in names)


def has_more_lists(body: bytes, lists: int) -> bool:
    """Whether there are more brackets than these: found one by one, in a tenth of the time of a count."""
    place = -1
    for _ in range(lists):
        place = body.find(b"[", place + 1)
    return body.find(b"[", place + 1) >= 0


def _are_nested(body: bytes, count: int, spec: SeriesSpec) -> bool:
    """Whether `count` series are lists of time steps, each a list with a value of each channel.

    The brackets and commas say so: in a hundredth of the time that it takes to look at every list.
    """
    # Without the commas between fields.
    found = body.translate(None, delete=NOT_STRUCTURE).strip(b",")
    # First by its length: a small body must not have the structure of a large one written out.
    if len(found) != count * (spec.length * (spec.channels + 2) + 2) + 1:
        return False
    step = b"[" + b"," * (spec.channels - 1) + b"]"
    series = b"[" + (step + b",") * (spec.length - 1) + step + b"]"
    return found == b"[" + (series + b",") * (count - 1) + series + b"]"
