"""Bodies of series with several channels: what the quick reader takes, and what is refused unparsed."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.api.payloads import JsonDecoder, NpyDecoder
from app.api.payloads.plain_json import read_plain
from app.errors import ContractViolation, MalformedPayload
from app.series.spec import SeriesSpec

SPEC, MOST = SeriesSpec(3, 2, is_invariant=False), 2
DECODE = JsonDecoder(SPEC, max_instances=MOST)


def body_of(instances: Any) -> bytes:
    """A body in JSON."""
    return json.dumps({"instances": instances}).encode()


def violations(body: bytes) -> list[tuple[str, str]]:
    """Those that a body is refused with."""
    with pytest.raises(ContractViolation) as caught:
        DECODE(body)
    return caught.value.violations


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies that are nearly all right: lists of about the right sizes, numbers and some other things."""
    number = st.sampled_from(["1", "-0.25", "1e3", "18446744073709551616"])
    odd = st.sampled_from(["null", "[]", "[1]", '"[,]"', "{}", ""])
    one = number | odd if draw(st.booleans()) else number

    def some(items: st.SearchStrategy[str], size: int) -> st.SearchStrategy[str]:
        sizes = st.sampled_from([size] * 6 + [size - 1, size + 1])
        lists = sizes.flatmap(lambda count: st.lists(items, min_size=count, max_size=count))
        return lists.map(lambda found: f"[{' , '.join(found)}]")

    return f'{{"instances":{draw(some(some(some(one, 2), 3), draw(st.sampled_from([1, 2]))))}}}'.encode()


@given(bodies())
@example(b'{"instances": [[[1,2,3],[4],[5,6]]]}')
@example(b'{"instances": [[[1,2],[3,4]],[[5,6],[7,8],[9,10],[11,12]]]}')
@example(b'{"instances": [[1,2,3],[[4,5],[6]]]}')
@example(b'{"instances": [[[1,[2]],[3,4],[5,6]]]}')
@example(b'{"instances": [[["[,]"],[3,4],[5,6]]]}')
@example(b'{"instances": [[[1],[2],[3]]]}')
def test_what_the_quick_reader_takes_the_judge_takes_too(body: bytes) -> None:
    """The same numbers to the last bit, and never a body that would be refused."""
    values = read_plain(body, SPEC, max_instances=MOST)
    if values is not None:
        np.testing.assert_array_equal(values, DECODE.validated(body))


@given(st.integers(1, MOST), st.booleans(), st.integers(0, 2**32))
def test_what_clients_send_is_taken_by_the_quick_reader(count: int, with_spaces: bool, seed: int) -> None:
    """With white space and without, `float32[n, length, channels]` comes out as it went in."""
    sent = np.random.default_rng(seed).standard_normal((count, *SPEC.shape)).astype(np.float32)
    separators = None if with_spaces else (",", ":")
    body = json.dumps({"instances": sent.tolist()}, separators=separators).encode()
    assert read_plain(body, SPEC, max_instances=MOST) is not None
    received = DECODE(body).series
    assert received.flags.c_contiguous
    np.testing.assert_array_equal(received, sent)


def test_a_series_of_one_channel_is_a_list_of_numbers() -> None:
    """There is one form for it in JSON: an axis of 1 is refused at its place."""
    decode = JsonDecoder(SeriesSpec(3), max_instances=MOST)
    with pytest.raises(ContractViolation, match=r"instances/0/0: expected a number, got a list"):
        decode(body_of([[[1], [2], [3]]]))


def test_every_body_names_the_form() -> None:
    """With its lists of lists."""
    form = '{"instances": [[[...]]]}'
    assert violations(b"{}") == [("instances", f"missing field; send {form}")]
    message = "a flat list of numbers; send each series as a list of 3 lists of 2 numbers: [[[...]]]"
    assert violations(body_of([1, 2, 3])) == [("instances", message)]


def test_of_each_series_the_first_wrong_place_is_reported() -> None:
    """Whichever list it is in."""
    good = [[1, 2]] * 3
    assert violations(body_of([[[1, 2], [3], [None, 4]], good[:2]])) == [
        ("instances/0/1", "1 value; the model takes 2, one for each channel"),
        ("instances/1", "2 time steps; the model takes 3"),
    ]


@pytest.mark.parametrize("spec", [SeriesSpec(2**19, 2), SeriesSpec(2, 2**19), SeriesSpec(1000, 2)])
@pytest.mark.parametrize("unit", ["[]", "[1,2]", "[[],[]]"])
def test_a_body_that_is_not_plain_costs_little_whatever_the_model(spec: SeriesSpec, unit: str) -> None:
    """Millions of lists are refused before they are parsed, also where so many could be a request."""
    decode = JsonDecoder(spec, max_instances=256)
    body = f'{{"instances": [{",".join([unit] * (4_000_000 // (len(unit) + 1)))}]}}'.encode()
    tracemalloc.start()
    try:
        with pytest.raises((MalformedPayload, ContractViolation)):
            decode(body)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(body)
    finally:
        tracemalloc.stop()


def test_a_small_body_has_no_large_one_written_out() -> None:
    """To compare it with what a whole request looks like."""
    decode = JsonDecoder(SeriesSpec(2**19, 2), max_instances=256)
    body = body_of([[]] * 256)
    tracemalloc.start()
    try:
        with pytest.raises(ContractViolation, match="0 time steps; the model takes 524288"):
            decode(body)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_a_large_body_that_is_right_is_read_however_many_lists_it_has() -> None:
    """A plain one needs no list of Python's."""
    spec = SeriesSpec(5000, 2, is_invariant=False)
    sent = np.zeros((40, *spec.shape), np.float32)
    decode = JsonDecoder(spec, max_instances=256)
    assert decode(body_of(sent.astype(int).tolist())).series.shape == sent.shape
    with pytest.raises(
        MalformedPayload, match="too many lists, objects and fields: 200,044; send fewer series"
    ):
        decode(body_of(sent.astype(int).tolist()).replace(b"0]", b"null]", 1).replace(b"[[", b"[[[],", 1))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
def test_npy_of_three_axes_is_read(dtype: str, order: Any) -> None:
    """In whatever dtype and order."""
    sent: NDArray[Any] = np.arange(12).reshape(2, 3, 2).astype(dtype)
    file = io.BytesIO()
    np.save(file, np.array(sent, order=order))
    received = NpyDecoder(SPEC, max_instances=MOST)(file.getvalue()).series
    assert received.dtype == np.float32
    assert received.flags.c_contiguous
    np.testing.assert_array_equal(received, sent.astype(np.float32))
