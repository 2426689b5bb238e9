"""Damaged and unusable `.npy`, `.npz` and JSON files are refused in one line."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from app.series.readers.content import MAX_BYTES
from app.series.spec import MAX_LENGTH
from tests.app.series.written import npy, npz

Refusal = Callable[..., str]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones((2, 3, 2)), "an array of shape '(2, 3, 2)'; save an array of shape (n, length)"),
        (np.ones((0, 3)), "an array of shape '(0, 3)'"),
        (np.ones((3, 0)), "an array of shape '(3, 0)'"),
        (np.float64(5), "an array of shape '()'"),
        (np.array(["a"]), "the array holds '<U1', not numbers; save numbers"),
        (np.array([[True]]), "the array holds 'bool', not numbers"),
        (np.array([[1j]]), "the array holds 'complex128', not numbers"),
        (np.array([["2024-01-01"]], "M8[D]"), "the array holds 'datetime64[D]', not numbers"),
        (np.array([[1, 2], [np.nan, 3]]), "row 2: value 1 is missing; fill it in, or give --missing"),
        (np.array([[1, 2], [3, np.nan]]), "row 2: value 2 and all after it are missing; cut"),
        (np.array([[1, 2], [3, np.inf]]), "row 2: value 2 is 'inf', infinite"),
        (np.array([[1, 2], [3, -np.inf]], "f2"), "row 2: value 2 is '-inf', infinite"),
        (np.array([[1, 2], [3, np.inf]], "f4"), "row 2: value 2 is 'inf', infinite"),
        (np.array([[1, 2], [np.nan, 3]], "f2"), "row 2: value 1 is missing"),
        (np.array([[1, 2], [3, 1e300]]), "row 2: value 2 is '1e+300', beyond the range of float32"),
        (np.ones((1, MAX_LENGTH + 1), "f2"), "row 1: more than 1,048,576 values; cut the series"),
        (np.ones((1_000_001, 1), "f2"), "1,000,001 series; at most 1,000,000 are read; split the file"),
    ],
)
def test_a_bad_array_is_refused(refusal: Refusal, array: np.ndarray, said: str) -> None:
    """Arrays of another kind or shape, and values that no model takes, are named with row and value."""
    assert refusal(npy(array), "a.npy").startswith(said)


@pytest.mark.parametrize(
    "content",
    [
        npy(np.ones((2, 3)))[:-1],
        npy(np.ones((2, 3)))[:40],
        npy(np.ones((2, 3))).replace(b"(2, 3)", b"(9, 9)"),
        npy(np.ones((2, 3))).replace(b"(2, 3), }         ", b"(2, 9999999999), }"),
        npy(np.ones((2, 3))).replace(b"{'descr'", b"{{{{{{{{"),
    ],
)
def test_a_damaged_array_is_refused(refusal: Refusal, content: bytes) -> None:
    """Files that end early, or whose headers promise what is not there."""
    assert refusal(content, "a.npy").startswith("a damaged .npy file: '")


def test_an_array_of_objects_is_refused_unread(refusal: Refusal) -> None:
    """It is a pickle, which may run anything."""
    content = npy(np.ones((2, 3))).replace(b"'<f8'", b"'|O' ")
    assert refusal(content, "a.npy").startswith(
        "an array of Python objects, a pickle, which is never loaded;"
    )


def _zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _objects() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, X=np.ones((1, 2)), y=np.array(["a", 1], dtype=object)[:1])
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            npz(a=np.ones((1, 2)), b=np.ones((1, 2))),
            "holds 'a, b' and none is named series, X, x, values, data; rename",
        ),
        (npz(series=np.ones((1, 2)), X=np.ones((1, 2))), "holds both series and X; leave one of them out"),
        (npz(X=np.ones((2, 2)), y=np.ones(3)), "3 labels for 2 series; save a label for each series"),
        (npz(X=np.ones((2, 2)), y=np.ones((2, 2))), "labels of 'float64' and shape '(2, 2)'"),
        (npz(X=np.ones((1, 2)), y=np.array([np.nan])), "row 1: the label is missing ('nan')"),
        (
            _objects(),
            "an array of Python objects, a pickle, which is never loaded; save series of one length as",
        ),
        (npz(X=np.ones((1, 2)))[:-30], "a damaged .npz file: 'File is not a zip file'"),
        (_zip(**{"xl/workbook.xml": b""}), "an Excel workbook; save the sheet as CSV"),
        (_zip(**{"a.tsv": b"1 5"}), "a zip archive without arrays; unpack it and give a file of series"),
        (_zip(**{"X.npy": b"damaged"}), "a damaged .npz file: "),
    ],
)
def test_a_bad_npz_is_refused(refusal: Refusal, content: bytes, said: str) -> None:
    """Archives that do not say what they hold, damaged ones, and other zip files; nothing is unpickled."""
    assert refusal(content, "a.npz").startswith(said)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "not JSON: 'Expecting property name"),
        ("[" * 100_000, "not JSON: 'maximum recursion depth"),
        ('{"x": 1}', 'a JSON object without instances; write an array of series, or {"instances": [...]}'),
        ("[]", "not an array of series"),
        ('{"instances": 5}', "not an array of series"),
        ("[[1, 2], []]", "row 2: '[]' is not an array of numbers"),
        ("[[1, 2], 3]", "row 2: '3' is not an array of numbers"),
        ('[[1, 2], [1, "2"]]', "row 2: value 2 is '\"2\"', not a number; write a number there"),
        ("[[1, 2], [true, 2]]", "row 2: value 1 is 'true', not a number"),
        ("[[1, 2], [[3], 2]]", "row 2: value 1 is '[3]', not a number"),
        ("[[1, 2], [null, 2]]", "row 2: value 1 is missing"),
        ("[[1, 2], [NaN, 2]]", "row 2: value 1 is missing"),
        ("[[1, 2], [1, Infinity]]", "row 2: value 2 is 'inf', infinite"),
        (json.dumps([[1, 2], [10**400, 2]]), "row 2: value 1 is 'inf', infinite"),
        ("[[1, 2], [1]]", "row 2: 1 value, but row 1 has 2"),
    ],
)
def test_bad_json_is_refused(refusal: Refusal, document: str, said: str) -> None:
    """What is no JSON, or none of series, is named with row and value."""
    assert refusal(document, "a.json").startswith(said)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(refusal: Refusal) -> None:
    """By what its directory says: a member is never unpacked further than that."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("X.npy", "w") as member:
        for _ in range(MAX_BYTES // 2**24 + 1):
            member.write(bytes(2**24))
    assert len(buffer.getvalue()) < 2**20
    assert refusal(buffer.getvalue(), "a.npz").startswith(f"unpacks to more than {MAX_BYTES:,} bytes; split")
