"""`qa.fuzz.oracles`: a decoder that breaks a promise is found out; one that keeps them is not."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import MalformedPayload, PayloadError, PayloadTooLarge, UnsupportedMediaType
from app.series.offset import Narrowed
from qa.fuzz.cases import MAX_BYTES, Case, Size
from qa.fuzz.oracles import check_decoded, check_decompressed, disagreement, wording
from qa.fuzz.references import decompressed

CASE = Case(b"", Size(2, 3))
RIGHT = np.array([[1, 2], [3, 4]], np.float32)


class Gives:
    """A decoder that gives one thing, or raises it."""

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    def __call__(self, body: Any) -> Any:
        """The outcome."""
        del body
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def decoding(outcome: Any) -> Gives:
    """A decoder that gives these series, or raises."""
    return Gives(Narrowed(outcome) if isinstance(outcome, np.ndarray) else outcome)


def unaligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same at an odd address."""
    array = np.frombuffer(bytearray(b"x" + values.tobytes()), np.uint8)[1:].view(np.float32)
    return array.reshape(values.shape)


@pytest.mark.parametrize(
    ("outcome", "violation"),
    [
        (RIGHT, None),
        (RIGHT.astype(np.float64), "dtype float64"),
        (RIGHT[0], "shape (2,)"),
        (np.ones((2, 3), np.float32), "shape (2, 3)"),
        (np.ones((4, 2), np.float32), "4 series"),
        (np.ones((0, 2), np.float32), "0 series"),
        (np.asfortranarray(RIGHT), "not C-contiguous"),
        (unaligned(RIGHT), "not aligned"),
        (np.array([[1, 2], [3, np.inf]], np.float32), "not finite"),
        (np.nextafter(RIGHT, np.float32(9)), "differs from the numbers of the body"),
        (-0.0 * RIGHT, "differs from the numbers of the body"),
        (MalformedPayload("no"), "a valid body is refused: no"),
    ],
)
def test_an_array_is_held_against_every_promise(outcome: Any, violation: str | None) -> None:
    """Type, shape, layout and numbers, where the body is one that fits."""
    assert check_decoded(decoding(outcome), CASE, RIGHT) == violation


def test_what_does_not_fit_must_be_refused() -> None:
    """Numbers out of a body that is not right are a violation, a refusal is none."""
    assert check_decoded(decoding(RIGHT), CASE, None) == "an invalid body is accepted"
    assert check_decoded(Gives(MalformedPayload("no")), CASE, None) is None


def test_the_sign_of_a_zero_counts() -> None:
    """Numbers are compared bit for bit."""
    zeros = np.zeros((2, 2), np.float32)
    assert check_decoded(decoding(-zeros), CASE, zeros) == "differs from the numbers of the body"


@pytest.mark.parametrize("error", [LookupError("x"), SystemError("y")])
def test_what_is_no_refusal_is_not_held_back(error: Exception) -> None:
    """Any other exception is raised to the caller and is a finding there."""
    with pytest.raises(type(error)):
        check_decoded(Gives(error), CASE, RIGHT)


@pytest.mark.parametrize(
    ("text", "is_fine"), [("no", True), ("", False), ("a\nb", False), ("\x1b[2J", False), ("x" * 301, False)]
)
def test_a_refusal_is_a_line_for_people(text: str, is_fine: bool) -> None:
    """Not empty, not long, and nothing that a terminal or a log would obey."""
    assert (wording(MalformedPayload(text)) is None) == is_fine


@pytest.mark.parametrize(
    ("short", "long", "violation"),
    [
        (None, np.ones(2), None),
        (None, MalformedPayload("no"), None),
        (np.ones(2), np.ones(2), None),
        (np.ones(2), MalformedPayload("no"), "simdjson accepts what pydantic refuses: no"),
        (np.ones(2), np.nextafter(np.ones(2), 2), "simdjson and pydantic read other numbers"),
        (np.zeros(2), -np.zeros(2), "simdjson and pydantic read other numbers"),
    ],
)
def test_two_readers_must_not_disagree(short: Any, long: Any, violation: str | None) -> None:
    """The short one may leave a body to the long one, and take only what that takes, to the last bit."""
    assert disagreement(Gives(short), Gives(long), b"") == violation


@pytest.mark.parametrize(
    ("outcome", "expected", "violation"),
    [
        (b"abc", b"abc", None),
        (b"abd", b"abc", "differs from the output of zlib"),
        (b"abc", None, "differs from the output of zlib"),
        (
            bytes(MAX_BYTES + 1),
            bytes(MAX_BYTES + 1),
            f"decompressed to {MAX_BYTES + 1} bytes, over the limit",
        ),
        (MalformedPayload("no"), b"abc", "a valid body is refused: no"),
        (MalformedPayload("no"), None, None),
        (PayloadTooLarge("no"), bytes(MAX_BYTES + 1), None),
        (UnsupportedMediaType("no"), b"abc", None),
    ],
)
def test_what_is_unpacked_is_held_against_zlib(
    outcome: bytes | PayloadError, expected: bytes | None, violation: str | None
) -> None:
    """The same bytes, at most the limit of them; only what is broken, too large or unknown is refused."""
    assert check_decompressed(Gives(outcome), CASE, expected) == violation


@pytest.mark.parametrize(
    ("body", "encoding", "plain"),
    [
        (gzip.compress(b"abc"), "gzip", b"abc"),
        (zlib.compress(b"abc"), "deflate", b"abc"),
        (b"abc", "", b"abc"),
        (gzip.compress(b"abc")[:-1], "gzip", None),
        (gzip.compress(b"abc") + b"x", "gzip", None),
        (zlib.compress(b"abc"), "gzip", None),
        (b"", "gzip", None),
        (b"abc", "br", None),
    ],
)
def test_zlib_decompresses_all_of_a_body(body: bytes, encoding: str, plain: bytes | None) -> None:
    """One whole stream and nothing behind it is a body; everything else is none."""
    assert decompressed(Case(body, Size(1, 1), encoding)) == plain
