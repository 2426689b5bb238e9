"""Requests made of arrays: their sizes, their bytes, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client import InvalidSeries
from app.client.parts import Part, Parts, split
from app.client.schemas import RequestLimits
from app.series.spec import SeriesSpec

ONE, TWO = SeriesSpec(3), SeriesSpec(3, 2)


def limits(series: int = 4, body: int = 100_000) -> RequestLimits:
    """Of a server."""
    return RequestLimits(max_instances=series, max_body_bytes=body, request_timeout=1, keep_alive_timeout=1)


def decoded(part: Part) -> np.ndarray:
    """The series of a request."""
    array: np.ndarray = np.load(io.BytesIO(part.body))
    assert len(array) == part.count
    return array


@given(st.lists(st.integers(0, 11), max_size=8))
def test_requests_are_full_but_the_last_and_lose_nothing(sizes: list[int]) -> None:
    """Small arrays are joined, large ones are split, and a single series may come without its axis."""
    whole = np.arange(3 * sum(sizes), dtype=np.float32).reshape(-1, 3)
    ends = np.cumsum(sizes).astype(int)
    arrays = [whole[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    parts = list(split(iter([each[0] if len(each) == 1 else each for each in arrays]), Parts(ONE, limits())))
    assert [part.is_full for part in parts[:-1]] == [True] * (len(parts) - 1)
    assert all(part.count == 4 for part in parts[:-1])
    assert [part.first for part in parts] == list(range(0, len(whole), 4))
    sent = np.concatenate([np.empty((0, 3), np.float32), *map(decoded, parts)])
    np.testing.assert_array_equal(sent, whole)


def test_an_array_that_is_filled_again_is_sent_as_it_was() -> None:
    """A reader may give the same memory each time."""
    memory = np.zeros(3, np.float32)

    def readings() -> object:
        for value in range(6):
            memory[:] = value
            yield memory

    parts = list(split(readings(), Parts(ONE, limits())))  # type: ignore[arg-type]
    assert np.concatenate([decoded(part)[:, 0] for part in parts]).tolist() == [0, 1, 2, 3, 4, 5]


def test_arrays_of_different_dtypes_are_not_joined() -> None:
    """Integers of 64 bits would become floats and lose digits."""
    large = np.array([[2**62, 2**62 + 1, 2**62 + 3]])
    parts = list(split(iter([np.ones((1, 3), np.float32), large]), Parts(ONE, limits())))
    assert [part.count for part in parts] == [1, 1]
    assert decoded(parts[1]).tolist() == large.tolist()


def test_bodies_are_within_the_limit_of_bytes() -> None:
    """Whatever the dtype."""
    for dtype in (np.float32, np.float64):
        series = np.arange(1e6, 1e6 + 3000).astype(dtype).reshape(-1, 3)
        parts = list(split(iter([series]), Parts(ONE, limits(1000, 2000))))
        assert max(len(part.body) for part in parts) <= 2000
        assert sum(part.count for part in parts) == 1000


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.0, 2, 3]]).astype(">f4"),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12, dtype=np.int16).reshape(2, 6)[:, ::2],
        np.array([[1, 2, 3]], np.float16),
        np.array([[1, 2, 3]], np.uint8),
    ],
)
def test_arrays_in_any_layout_are_npy(array: np.ndarray) -> None:
    """Big-endian, Fortran's order, with strides, short."""
    (part,) = split(iter([array]), Parts(ONE, limits()))
    np.testing.assert_array_equal(decoded(part), array)


def test_series_of_several_channels_keep_their_shape() -> None:
    """A single one may come without its axis, as of one channel."""
    (part,) = split(iter([np.ones((3, 2)), np.zeros((2, 3, 2))]), Parts(TWO, limits()))
    assert decoded(part).shape == (3, 3, 2)


@pytest.mark.parametrize(
    ("spec", "array", "message"),
    [
        (ONE, np.zeros((2, 4)), "series 1: 4 values; the model takes 3"),
        (ONE, np.zeros(4), "series 1: 4 values; the model takes 3"),
        (ONE, np.zeros(()), r"series 1: an array of shape \(\); the model takes \(n, 3\) or \(n, 3, 1\)"),
        (TWO, np.zeros((2, 3, 3)), r"series 1: an array of shape \(2, 3, 3\); the model takes \(n, 3, 2\)"),
        (TWO, np.zeros((2, 4, 2)), "series 1: 4 values; the model takes 3"),
        (
            ONE,
            np.array([[1, np.inf, 3]]),
            r"series 1, value 1 \(counted from 0\): inf is not a",
        ),
        (ONE, np.array([[1, 2, 1e39]]), r"series 1, value 2 \(counted from 0\): 1e\+39 is not"),
        (
            TWO,
            np.array([[[1, 2], [3, np.nan], [5, 6]]]),
            "series 1, value 1, channel 1 ",
        ),
    ],
)
def test_what_the_model_does_not_take_is_refused_with_its_place(
    spec: SeriesSpec, array: np.ndarray, message: str
) -> None:
    """The place is that among all series of the call."""
    before = np.ones((1, *spec.shape))
    with pytest.raises(InvalidSeries, match=message):
        list(split(iter([before, array]), Parts(spec, limits())))
