"""Reads I-JSON (RFC 7493), which all parsers read alike.

That is UTF-8 text, no duplicate keys and no number that a double cannot hold. Parsers differ on everything
else: which of two equal keys counts, what `NaN` is, what 2**53 + 1 is rounded to.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterable
from typing import Any

from app.contract.wording import shown
from app.errors import ArtifactError

# Parsers have different depth limits; some crash.
MAX_DEPTH = 64
# Beyond this, parsers round integers differently (RFC 7493, 2.2).
MAX_INTEGER = 2**53 - 1
_QUOTED = 80


def read_json(content: bytes) -> Any:
    """Parse a JSON document.

    Raises:
        ArtifactError: one line with the problem, without the file's name.
    """
    if content.startswith(codecs.BOM_UTF8):
        raise ArtifactError("not JSON: it starts with a byte order mark; save it as UTF-8 without one")
    try:
        document = json.loads(
            content.decode(),
            object_pairs_hook=_no_key_twice,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
    except UnicodeDecodeError as error:
        raise ArtifactError(f"not JSON: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ArtifactError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth_and_text(document)
    return document


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ArtifactError(f"an object has the key {_quoted(key)} twice; keep one of them")
        found[key] = value
    return found


def _refuse_constant(text: str) -> Any:
    raise ArtifactError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ArtifactError(f"the number {shown(text, most=_QUOTED)} is beyond the range of float64")
    return number


def _exact(text: str) -> int:
    # Length first: Python refuses to convert thousands of digits.
    if len(text) > len(str(-MAX_INTEGER)) or abs(int(text)) > MAX_INTEGER:
        raise ArtifactError(
            f"the whole number {shown(text, most=_QUOTED)} is beyond {MAX_INTEGER}, where parsers differ"
        )
    return int(text)


def _check_depth_and_text(document: Any) -> None:
    level, depth = [document], 0
    while level:
        if depth > MAX_DEPTH:
            raise _too_deep()
        for value in level:
            if isinstance(value, str) and not _is_unicode(value):
                raise ArtifactError(f"the text {_quoted(value)} has half of a surrogate pair")
        level = [inner for value in level for inner in _inside(value)]
        depth += 1


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        return value
    return (*value.keys(), *value.values()) if isinstance(value, dict) else ()


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return ascii(text[:_QUOTED])


def _too_deep() -> ArtifactError:
    return ArtifactError(f"nested more than {MAX_DEPTH} deep")
