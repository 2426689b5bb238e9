"""`app.contract.strict_json`: what two parsers could read differently is refused."""

from __future__ import annotations

import json

import pytest

from app.contract.strict_json import MAX_DEPTH, MAX_INTEGER, read_json
from app.errors import ArtifactError

NO_JSON: dict[str, tuple[bytes, str]] = {
    "key twice": (b'{"version": 1, "version": 2}', "the key 'version' twice"),
    "key twice, deep": (b'{"a": [{"b": {"c": 1, "c": 1}}]}', "the key 'c' twice"),
    "key twice, escaped": (b'{"version": 1, "\\u0076ersion": 2}', "the key 'version' twice"),
    "empty key twice": (b'{"": 1, "": 2}', "the key '' twice"),
    "key that breaks the line twice": (b'{"a\\nb": 1, "a\\nb": 2}', r"the key 'a\\nb' twice"),
    "long key twice": (b'{"%b": 1, "%b": 2}' % (b"k" * 9999, b"k" * 9999), "the key 'k{80}' twice"),
    "NaN": (b'{"a": NaN}', "NaN is not a JSON number"),
    "Infinity": (b"[Infinity]", "Infinity is not a JSON number"),
    "-Infinity": (b"[-Infinity]", "-Infinity is not a JSON number"),
    "beyond float64": (b"[1e400]", "the number 1e400 is beyond the range of float64"),
    "2**53": (b"[9007199254740992]", "the whole number 9007199254740992 is beyond 9007199254740991"),
    "-2**53": (b"[-9007199254740992]", "whole number -9007199254740992 is beyond"),
    "5,000 digits": (b"[" + b"9" * 5000 + b"]", "the whole number 9{80} is beyond"),
    "first half of a pair": (b'["\\ud800"]', r"'\\ud800' has half of a surrogate pair"),
    "second half of a pair": (b'{"a": "x\\udc00y"}', "has half of a surrogate pair"),
    "half of a pair in a key": (b'{"\\ud800": 1}', "has half of a surrogate pair"),
    "surrogate in bytes": (b'["\xed\xa0\x80"]', "byte 2 is not UTF-8"),
    "another encoding": ('{"a": 1}'.encode("utf-16"), "byte 0 is not UTF-8"),
    "another encoding, without a mark": ('{"a": 1}'.encode("utf-16-le"), "not JSON: Expecting"),
    "byte order mark": (b'\xef\xbb\xbf{"a": 1}', "a byte order mark; save it as UTF-8 without"),
    "deep lists": (b"[" * 70 + b"]" * 70, "nested more than 64 deep"),
    "deep objects": (b'{"a":' * 70 + b"1" + b"}" * 70, "nested more than 64 deep"),
    "deeper than the stack": (b"[" * 200_000 + b"]" * 200_000, "nested more than 64 deep"),
    "two documents": (b"{} {}", "not JSON: Extra data: line 1 column 4"),
    "cut off": (b'{"a": ', "not JSON: Expecting value: line 1 column 7"),
    "comment": (b"{} // no", "not JSON: Extra data"),
    "line break in a text": (b'["a\nb"]', "not JSON: Invalid control character"),
    "empty": (b"", "not JSON: Expecting value"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_JSON)
def test_what_parsers_differ_on_is_refused(name: str) -> None:
    """In one line that says what it is."""
    content, message = NO_JSON[name]
    with pytest.raises(ArtifactError, match=message) as info:
        read_json(content)
    assert str(info.value).isprintable()
    assert len(str(info.value)) < 200


def test_what_all_read_alike_is_read() -> None:
    """As any reader would have it."""
    document = {
        "text": "ä 😀 \\ \n \0",
        "numbers": [0, -0.0, 0.1, 1e300, MAX_INTEGER, -MAX_INTEGER],
        "nested": [{"a": {}}, {"a": []}, True, None],
    }
    for ascii_only in (False, True):
        assert read_json(json.dumps(document, ensure_ascii=ascii_only).encode()) == document
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
