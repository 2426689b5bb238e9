"""`app.api.payloads.plain_json`: takes what the judge takes, number for number, and leaves all else to it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.api.payloads.json_body import JsonDecoder
from app.api.payloads.plain_json import read_plain
from app.errors import PayloadError
from app.series.spec import SeriesSpec

LENGTH, MAX_INSTANCES = 3, 2
SPEC = SeriesSpec(LENGTH, is_invariant=False)
JUDGE = JsonDecoder(SPEC, max_instances=MAX_INSTANCES)

SPACES = st.text(" \t\r\n", max_size=2)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
ODDITIES = st.sampled_from(
    [
        "null",
        "true",
        '"1"',
        "[]",
        "[1]",
        "{}",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        ".5",
        "+1",
        "1e400",
        "é",
        "",
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies that are nearly all right, in any spelling of numbers and with any white space."""
    one = NUMBERS | ODDITIES if draw(st.booleans()) else NUMBERS
    length = st.sampled_from([LENGTH, LENGTH, LENGTH, LENGTH - 1, LENGTH + 1])
    rows = [[draw(one) for _ in range(draw(length))] for _ in range(draw(st.integers(0, MAX_INSTANCES + 1)))]
    comma = f"{draw(SPACES)},{draw(SPACES)}"
    series = comma.join(f"[{draw(SPACES)}{comma.join(row)}{draw(SPACES)}]" for row in rows)
    name = draw(st.sampled_from(["instances"] * 4 + ["\\u0069nstances", "instance"]))
    more = draw(st.sampled_from([""] * 4 + [', "x": 1', ', "instances": [[1, 2, 3]]', ",", "}"]))
    return f'{draw(SPACES)}{{"{name}":{draw(SPACES)}[{series}]{more}}}{draw(SPACES)}'.encode()


@given(bodies())
@example(b'{"instances": [[1, 2, 3], [4, 5]]}')
@example(b'{"instances": [[1, 2], [3, 4, 5, 6]]}')
@example(b'{"instances": [[[1], [2], [3]]]}')
@example(b'{"instances": [[[1, 2, 3]]]}')
@example(b'{"instances": [[1, [2], 3], 4]}')
@example(b'{"instances": [[1, 2, 3], 4]}')
@example(b'{"instances": [[1, 2, 3]], "instances": [[4, 5, 6]]}')
@example(b'{"instances": [[18446744073709551616, 9007199254740993, -0]]}')
def test_what_it_takes_the_judge_takes_too(body: bytes) -> None:
    """The same numbers to the last bit; a body that would be refused is never taken."""
    values = read_plain(body, SPEC, max_instances=MAX_INSTANCES)
    if values is not None:
        np.testing.assert_array_equal(values, JUDGE._validated(body))


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_at_all_are_taken_or_left(body: bytes) -> None:
    """Nothing is raised; what is wrong is for the judge to say."""
    assert read_plain(body, SPEC, max_instances=MAX_INSTANCES) is None


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
                         min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=MAX_INSTANCES))  # fmt: skip
def test_what_clients_send_is_taken(series: list[list[float]]) -> None:
    """Floats and integers mixed, as a JSON library writes them."""
    body = json.dumps({"instances": series}).encode()
    values = read_plain(body, SPEC, max_instances=MAX_INSTANCES)
    np.testing.assert_array_equal(values, np.array(series, np.float64))


@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbf", b"\xff\xfe", b"[" * 2000, b'{"instances":' * 2000, b'{"\xff": 1}', b"{}", b"5"]
)
def test_what_the_judge_refuses_it_still_refuses(body: bytes) -> None:
    """Byte order marks, nesting without end and broken UTF-8 among them."""
    assert read_plain(body, SPEC, max_instances=MAX_INSTANCES) is None
    with pytest.raises(PayloadError):
        JUDGE(body)


CONSTANTS = {"kind": frozenset({"", "usual"})}
DEEP = ("inputs", "series")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("template", "path"),
    [
        ('{"inputs": %s}', ("inputs",)),
        ('{"inputs": {"series": %s}}', DEEP),
        ('{"kind": "usual", "inputs": %s}', ("inputs",)),
        ('{"inputs": %s, "kind": ""}', ("inputs",)),
        ('{"kind": "", "inputs": {"series": %s}}', DEEP),
    ],
)
def test_the_series_may_be_elsewhere_beside_constants(
    template: str, path: tuple[str, ...], channels: int
) -> None:
    """A protocol names the field, and those that may stand beside it."""
    spec = SeriesSpec(LENGTH, channels)
    sent = np.arange(2.0 * spec.values).reshape(2, *spec.shape)
    body = (template % json.dumps(sent.tolist())).encode()
    found = read_plain(body, spec, max_instances=2, path=path, constants=CONSTANTS)
    np.testing.assert_array_equal(found, sent)
    assert read_plain(body, spec, max_instances=2) is None


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("template", ['{"inputs": %s}', '{"kind": "", "inputs": %s}'])
def test_each_series_may_have_an_object_around_it(template: str, channels: int) -> None:
    """With the field that a protocol names."""
    spec = SeriesSpec(LENGTH, channels)
    sent = np.arange(2.0 * spec.values).reshape(2, *spec.shape)
    rows = [{"series": series} for series in sent.tolist()]
    body = (template % json.dumps(rows)).encode()
    found = read_plain(body, spec, max_instances=2, path=("inputs",), item="series", constants=CONSTANTS)
    np.testing.assert_array_equal(found, sent)


@pytest.mark.parametrize(
    "rows",
    [
        '[{"series": [1, 2, 3]}, [1, 2, 3]]',
        '[[1, 2, 3], {"series": [1, 2, 3]}]',
        '[{"series": [1, 2, 3], "more": 1}]',
        '[{"series": [1, 2, 3], "series": [1, 2, 3]}]',
        '[{"series": [1, 2]}, {"series": [1, 2, 3, 4]}]',
        '[{"series": [1, [2], 3]}]',
        '[{"series": [[1], [2], [3]]}]',
        '[{"serie": [1, 2, 3]}]',
        "[{}]",
        "[]",
        "{}",
    ],
)
def test_other_objects_are_left_to_the_judge(rows: str) -> None:
    """However little they differ."""
    body = f'{{"inputs": {rows}}}'.encode()
    assert read_plain(body, SPEC, max_instances=2, path=("inputs",), item="series") is None


@pytest.mark.parametrize(
    "body",
    [
        '{"inputs": [[1, 2, 3]], "kind": "other"}',
        '{"inputs": [[1, 2, 3]], "kind": "usual", "kind": "usual"}',
        '{"inputs": [[1, 2, 3]], "inputs": [[1, 2, 3]]}',
        '{"inputs": [[1, 2, 3]], "kind": ["usual"]}',
        '{"inputs": [[1, 2, 3]], "kind": null}',
        '{"inputs": [[1, 2, 3]], "more": ""}',
        '{"inputs": {"series": [[1, 2, 3]]}}',
        '{"instances": [[1, 2, 3]], "kind": "usual"}',
    ],
)
def test_other_fields_beside_the_series_are_left_to_the_judge(body: str) -> None:
    """As are those that come twice."""
    assert read_plain(body.encode(), SPEC, max_instances=2, path=("inputs",), constants=CONSTANTS) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"inputs": {"series": [[1, 2, 3]], "kind": "usual"}}',
        '{"inputs": {"series": [[1, 2, 3]], "series": [[1, 2, 3]]}}',
        '{"inputs": [[1, 2, 3]]}',
        '{"inputs": {}}',
    ],
)
def test_constants_stand_beside_the_first_field_alone(body: str) -> None:
    """An object below it has the one field of the path."""
    assert read_plain(body.encode(), SPEC, max_instances=2, path=DEEP, constants=CONSTANTS) is None
