"""npy bodies: what is read, what is refused, and in which words; nothing is unpickled or over-allocated."""

from __future__ import annotations

import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.api.payloads import NpyDecoder
from app.errors import ContractViolation, MalformedPayload
from app.series.spec import SeriesSpec

LENGTH = 500
DECODE = NpyDecoder(SeriesSpec(LENGTH, is_invariant=False), max_instances=256)
RAMP = np.arange(2 * LENGTH, dtype=np.float32).reshape(2, LENGTH)


def npy_of(array: NDArray[Any], *, version: tuple[int, int] | None = None) -> bytes:
    """An array as the content of a .npy file."""
    file = io.BytesIO()
    npy.write_array(file, array, version=version)
    return file.getvalue()


def with_header(text: str, data: bytes = b"") -> bytes:
    """An npy body, format 1.0, with any text for its header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + data


def header(descr: str, shape: str) -> str:
    """The text of a header in C order."""
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


def violation_of(body: bytes) -> ContractViolation:
    """The violation that a body is refused with."""
    with pytest.raises(ContractViolation) as caught:
        DECODE(body)
    return caught.value


def malformed(body: bytes) -> str:
    """The message that a body is refused with as unreadable."""
    with pytest.raises(MalformedPayload) as caught:
        DECODE(body)
    return str(caught.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_every_real_dtype_and_byte_order_is_read(kind: str, order: str) -> None:
    """Floats and integers of any width and byte order become the same float32 values."""
    sent = np.tile(np.arange(100), 5).reshape(1, LENGTH).astype(order + kind)
    received = DECODE(npy_of(sent)).series
    assert received.dtype == np.float32
    assert received.dtype.isnative
    np.testing.assert_array_equal(received, sent.astype(np.float32))


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize(
    "sent",
    [RAMP, np.asfortranarray(RAMP), RAMP[:, :, np.newaxis], np.asfortranarray(RAMP[:, :, np.newaxis])],
    ids=["C", "F", "C with a channel", "F with a channel"],
)
def test_both_orders_and_a_channel_axis_are_read(sent: NDArray[np.float32], version: tuple[int, int]) -> None:
    """C and Fortran order, with or without a last axis of 1, give the same contiguous array."""
    received = DECODE(npy_of(sent, version=version)).series
    assert received.flags.c_contiguous
    assert received.flags.aligned
    np.testing.assert_array_equal(received, RAMP)


def test_a_body_that_is_not_aligned_is_copied_so_that_it_is() -> None:
    """A header of an odd size gives an aligned array all the same."""
    text = header("'<f4'", f"(2, {LENGTH})").strip()
    received = DECODE(with_header(text.ljust(len(text) // 2 * 2 + 1), RAMP.tobytes())).series
    assert received.flags.aligned
    np.testing.assert_array_equal(received, RAMP)


def test_an_array_that_shares_the_body_cannot_be_written() -> None:
    """Without a copy, the array is read-only, so that nobody changes the body through it."""
    received = DECODE(npy_of(RAMP)).series
    assert received.base is not None
    assert not received.flags.writeable


@given(
    arrays.arrays(
        st.sampled_from([np.dtype(name) for name in ("<f4", ">f4", "<f2", "<i8", ">u2", "i1")]),
        st.tuples(st.integers(1, 4), st.just(7)),
        elements=st.integers(0, 100),
    )
)
def test_small_integers_survive_in_every_dtype(sent: NDArray[Any]) -> None:
    """What every dtype holds exactly arrives exactly."""
    received = NpyDecoder(SeriesSpec(7, is_invariant=False), max_instances=4)(npy_of(sent)).series
    np.testing.assert_array_equal(received, sent.astype(np.float32))


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.just(7)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    st.sampled_from(["C", "F"]),
)
def test_every_float32_survives_the_trip_through_npy(sent: NDArray[np.float32], order: Any) -> None:
    """Any finite float32 array, written as npy in any order, is decoded to the same bits."""
    received = NpyDecoder(SeriesSpec(7, is_invariant=False), max_instances=4)(
        npy_of(np.array(sent, order=order))
    ).series
    assert received.tobytes() == sent.tobytes()


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("c8", "complex64"),
        ("c16", "complex128"),
        ("?", "bool"),
        ("U3", "<U3"),
        ("S3", "|S3"),
        ("M8[s]", "datetime64[s]"),
        ("m8[s]", "timedelta64[s]"),
        ("V4", "|V4"),
        ([("a", "<f4")], "[('a', '<f4')]"),
    ],
)
def test_a_dtype_that_is_no_real_number_is_named(dtype: Any, name: str) -> None:
    """Other dtypes are refused with their name and the ones that are taken."""
    error = violation_of(npy_of(np.zeros((1, LENGTH), dtype)))
    message = f"{name} is not supported; send float16, float32, float64 or integers"
    assert error.violations == [("dtype", message)]


def test_a_wider_float_is_refused() -> None:
    """A long double, whose bytes mean different things on different machines, is not taken."""
    error = violation_of(npy_of(np.zeros((1, LENGTH), np.longdouble)))
    assert error.violations[0][0] == "dtype"


class _Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    """A pickle in the body does not run; the dtype is what is told."""
    marker = tmp_path / "ran"
    body = npy_of(np.array([[_Bomb(marker)]], dtype=object))
    pickle.loads(pickle.dumps(_Bomb(marker)))  # noqa: S301 - proves that the bomb works
    assert marker.exists()
    marker.unlink()
    error = violation_of(body)
    assert not marker.exists()
    message = "object is not supported; send float16, float32, float64 or integers"
    assert error.violations == [("dtype", message)]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((LENGTH,), "(500,); send a single series as array.reshape(1, 500)"),
        ((), "(); the model takes (n, 500) or (n, 500, 1)"),
        ((7,), "(7,); the model takes (n, 500) or (n, 500, 1)"),
        ((2, LENGTH, 2), "(2, 500, 2); the model takes (n, 500) or (n, 500, 1)"),
        ((1, 1, LENGTH, 1), "(1, 1, 500, 1); the model takes (n, 500) or (n, 500, 1)"),
        ((0, LENGTH), "no series; send at least 1"),
        ((0, 0), "no series; send at least 1"),
        ((257, LENGTH), "257 series; at most 256 a request"),
        ((1, 499), "499 values; the model takes 500"),
        ((2, 501, 1), "501 values; the model takes 500"),
        ((3, 0), "0 values; the model takes 500"),
        ((LENGTH, 1), "500 series; at most 256 a request"),
    ],
)
def test_a_wrong_shape_is_reported_with_the_right_one(shape: tuple[int, ...], message: str) -> None:
    """An array that is not (n, length) is refused with what it is and what is taken."""
    assert violation_of(npy_of(np.zeros(shape, np.float32))).violations == [("shape", message)]


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (np.nan, "f2", "not a finite number"),
        (np.nan, "f4", "not a finite number"),
        (np.inf, ">f4", "not a finite number"),
        (-np.inf, "f8", "not a finite number"),
        (1e39, "f8", "beyond the range of float32"),
        (-1e308, ">f8", "beyond the range of float32"),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_value_that_is_no_float32_is_reported_with_its_place(
    value: float, dtype: str, message: str, order: Any
) -> None:
    """A value that is not finite in float32 is refused at exactly its series and position."""
    sent = np.zeros((4, LENGTH), dtype, order=order)
    sent[3, 17] = value
    error = violation_of(npy_of(sent))
    assert error.violations == [("instances/3/17", message)]
    assert error.total == 1


def test_a_signalling_nan_is_refused_like_any_other() -> None:
    """A NaN that makes the processor complain when it is converted is an answer, not a warning."""
    sent = np.zeros((1, LENGTH), np.uint64)
    sent[0, 2] = 0x7FF0000000000001
    assert violation_of(npy_of(sent.view(np.float64))).violations == [
        ("instances/0/2", "not a finite number")
    ]


def test_many_values_that_are_not_finite_are_counted_and_a_few_shown() -> None:
    """Every value that is not finite is counted, and the first twenty shown."""
    error = violation_of(npy_of(np.full((3, LENGTH), np.nan, np.float32)))
    assert error.violations == [(f"instances/0/{j}", "not a finite number") for j in range(20)]
    assert error.total == 3 * LENGTH


PROMISE = header("'<f4'", f"(2, {LENGTH})")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            with_header(PROMISE, RAMP.tobytes()[:-1]),
            "npy header and data do not match: float32 (2, 500) is 4000 bytes, 3999 follow",
        ),
        (
            with_header(PROMISE, RAMP.tobytes() + b"\0"),
            "npy header and data do not match: float32 (2, 500) is 4000 bytes, 4001 follow",
        ),
        (with_header(PROMISE), "npy header and data do not match: float32 (2, 500) is 4000 bytes, 0 follow"),
        (
            with_header(header("'<f4'", "(4611686018427387904, 4)")),
            (
                "npy header and data do not match: float32 (4611686018427387904, 4) is "
                "73786976294838206464 bytes, 0 follow"
            ),
        ),
        (
            with_header(header("'<f8'", f"({2**61}, {2**61})")),
            f"npy header and data do not match: float64 ({2**61}, {2**61}) is {2**125} bytes, 0 follow",
        ),
        (
            with_header(header("'<f4'", "(-2, -500)"), RAMP.tobytes()),
            "invalid npy header: shape (-2, -500) has a negative size",
        ),
        (
            with_header(header("'<f4'", "(-1, 500)"), RAMP.tobytes()),
            "invalid npy header: shape (-1, 500) has a negative size",
        ),
    ],
)
def test_a_header_that_lies_is_refused(body: bytes, message: str) -> None:
    """A header that promises more or less than follows, or what cannot be, is told with the numbers."""
    assert malformed(body) == message


@pytest.mark.parametrize("shape", ["(4611686018427387904, 4)", "(256, 500000000)", "(1000000000000,)"])
def test_a_lying_header_allocates_nothing(shape: str) -> None:
    """Nothing of the promised size is allocated before the promise is checked."""
    body = with_header(header("'<f4'", shape), b"\0" * 64)
    tracemalloc.start()
    try:
        malformed(body)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body", [b"", b"\x93NUMPY", b"\x93NUMPY\x01", b"[[1, 2]]", b"PK\x03\x04", pickle.dumps([1, 2])]
)
def test_what_is_no_npy_is_reported_so(body: bytes) -> None:
    """Bytes that do not start as npy are refused as that."""
    assert malformed(body) == "not an npy file: it does not start with \\x93NUMPY and a version"


@pytest.mark.parametrize("version", [(3, 0), (0, 0), (9, 9)])
def test_another_version_is_named(version: tuple[int, int]) -> None:
    """A version that is not read is told with the ones that are."""
    body = b"\x93NUMPY" + bytes(version) + npy_of(RAMP)[8:]
    assert malformed(body) == f"npy format {version[0]}.{version[1]} is not supported; save as 1.0 or 2.0"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x93NUMPY\x01\x00", "EOF: reading array header length, expected 2 bytes got 0"),
        (npy_of(RAMP)[:20], "EOF: reading array header, expected 118 bytes got 10"),
        (
            with_header(header("'<f4'", "(2, 500)") + " " * 2000),
            "Header info length (2062) is large and may not be safe to l…",
        ),
        (with_header("[1, 2]"), "Header is not a dictionary: [1, 2]"),
        (with_header("{'descr': '<f4'}"), "Header does not contain the correct keys: ['descr']"),
        (with_header(header("'<f4'", "'x'")), "shape is not valid: 'x'"),
        (with_header(header("'<f4'", "(1.5, 2)")), "shape is not valid: (1.5, 2)"),
        (with_header(header("'<q9'", "(1, 2)")), "descr is not a valid dtype descriptor: '<q9'"),
        (with_header(header("__import__('os')", "(1, 2)")), None),
        (with_header(header("','", "(1, 2)")), "invalid syntax (<unknown>, line 1)"),
        (with_header(header("'<f4'", "(True, 500)"), bytes(2000)), "shape is not valid: (True, 500)"),
        (with_header("[-" * 500), "MemoryError"),
        (with_header("(" * 900), None),
        (with_header("-" * 1000 + "1"), None),
        (with_header("'"), None),
        (with_header("{'descr': '\\d'}"), None),
        (with_header("\0"), None),
        (with_header("9" * 900), None),
        (with_header("{[]: 1}"), None),
        (with_header(header("()", f"(1, {LENGTH})")), None),
        (with_header(header("('<f4',)", f"(1, {LENGTH})")), None),
        (with_header(header("[('a', ())]", f"(1, {LENGTH})")), None),
    ],
)
def test_a_broken_header_is_one_line(body: bytes, reason: str | None) -> None:
    """A header that numpy cannot read is told in one short line, whatever numpy raises on it."""
    message = malformed(body)
    assert message.startswith("invalid npy header: ")
    assert message.isprintable()
    assert len(message) < 100
    assert reason is None or message == f"invalid npy header: {reason}"


def test_a_header_of_python_2_is_refused() -> None:
    """What is no Python any more does not reach the tokenizer with which numpy would try it a second time.

    That one takes 0.1 s for a header of 1 kB of quotes, time in which the server answers nobody.
    """
    data = bytes(4 * LENGTH)
    assert DECODE(with_header(header("'<f4'", f"(1, {LENGTH})"), data)).series.shape == (1, LENGTH)
    assert "invalid" in malformed(with_header(header("'<f4'", f"(1L, {LENGTH})"), data))
    assert len(malformed(with_header('"' * 1000))) < 100


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["<f4", "a", "", "titles", "|V8", "O"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["names", "formats", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(descr=LITERALS, shape=LITERALS)
def test_any_literals_in_a_header_are_refused_or_read(descr: Any, shape: Any) -> None:
    """Whatever they make numpy do, it never gets out of the decoder."""
    body = with_header(header(repr(descr), repr(shape)), bytes(4 * LENGTH))
    if descr == "<f4" and shape == (1, LENGTH):
        assert DECODE(body).series.shape == (1, LENGTH)
        return
    with pytest.raises((MalformedPayload, ContractViolation)) as caught:
        DECODE(body)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("descr", "name"), [("'a5'", "|S5"), ("'<f4' if 1else 0", None)])
def test_a_header_in_bad_style_leaves_no_warning(descr: str, name: str | None) -> None:
    """Whatever Python or numpy would warn of, the outcome is a refusal and nothing else."""
    body = with_header(header(descr, "(1, 2)"))
    if name is None:
        assert malformed(body).startswith("invalid npy header: ")
    else:
        message = f"{name} is not supported; send float16, float32, float64 or integers"
        assert violation_of(body).violations == [("dtype", message)]
