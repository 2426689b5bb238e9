"""Any matrix in any dialect is read as it is; anything else is one line, never another exception."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers import GapRules, canonical_label, read_series_file
from tests.app.series.written import TEXT, WITH_LABELS, WITHOUT_LABELS, joined, rows_of

# The folder is one for all examples: each writes its file anew.
FREELY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NUMBERS = st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30)
LABELS = st.one_of(
    st.integers(-999, 999).map(str),
    st.floats(-1e6, 1e6).map(repr),
    st.from_regex(r"[a-z][a-z_.-]{0,11}", fullmatch=True).filter(lambda text: text not in {"inf", "nan"}),
)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[str], NDArray[np.float64]]:
    """Labels and values; every row has a value that is not whole, so that its decimal mark shows."""
    count, length = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    values = draw(arrays(np.float64, (count, length), elements=NUMBERS))
    values[:, 0] = 0.5
    return draw(st.lists(LABELS, min_size=count, max_size=count)), values


@given(matrices(), st.sampled_from(sorted(TEXT)))
@FREELY
def test_any_matrix_is_read_in_any_dialect(
    tmp_path: Path, matrix: tuple[list[str], NDArray[np.float64]], kind: str
) -> None:
    """Bit for bit, with its labels."""
    labels, values = matrix
    name, write = TEXT[kind]
    path = tmp_path / name
    path.write_bytes(write(rows_of(labels, values)))
    file = read_series_file(path)
    np.testing.assert_array_equal(file.values, values)
    assert file.labels == tuple(canonical_label(label) for label in labels)


@given(matrices(), st.data())
@FREELY
def test_any_corruption_names_the_row(
    tmp_path: Path, matrix: tuple[list[str], NDArray[np.float64]], data: st.DataObject
) -> None:
    """A field that is no number, a gap, too large a number, or a row too long or too short."""
    labels, values = matrix
    fields = [list(row) for row in rows_of(labels, values)]
    row = data.draw(st.integers(0, len(fields) - 1))
    place = data.draw(st.integers(1, len(fields[row]) - 1))
    bad = data.draw(st.sampled_from(["x", "1e300", "inf", "NaN", "?", "", "1_0", "more", "no label"]))
    if bad == "more":
        fields[row] += ["5", "6"]
        fields.append(fields[0][: len(values[0]) + 1])  # so that there is another length to compare with
    elif bad == "no label":
        fields[row][0] = ""
    else:
        fields[row][place] = bad
        fields.append(["1", *["0.5"] * len(values[0])])
        fields.insert(0, ["1", *["0.5"] * len(values[0])])
        row += 1
    path = tmp_path / "a.tsv"
    path.write_bytes(joined(fields, data.draw(st.sampled_from("\t;,"))))
    with pytest.raises(UnreadableSeries) as caught:
        read_series_file(path)
    line = str(caught.value)
    assert line.isprintable()
    # Of two rows of different length, the first is what the others are compared with.
    assert f"{path}: row {row + 1}: " in line or (bad == "more" and row == 0 and f"{path}: row 2: " in line)


def _read_or_refuse(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for rules in (None, GapRules(missing="interpolate", unequal="pad", length=9)):
        try:
            file = read_series_file(path, rules=rules)
        except UnreadableSeries as error:
            line = str(error)
            assert line.isprintable()
            assert line.startswith(f"{path}: ")
        else:
            assert np.isfinite(file.values).all()
            assert file.values.ndim == 2
            assert file.labels is None or len(file.labels) == len(file.values)


def _whole() -> list[tuple[str, bytes]]:
    values = np.linspace(0, 1, 12).reshape(3, 4)
    texts = [(name, write(rows_of(["a", "2", "2"], values))) for name, write in TEXT.values()]
    labelled = [(name, write(["a", "b", "b"], values)) for name, write in WITH_LABELS.values()]
    return texts + labelled + [(name, write(values)) for name, write in WITHOUT_LABELS.values()]


@given(st.sampled_from(_whole()), st.data())
@settings(FREELY, max_examples=600)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, whole: tuple[str, bytes], data: st.DataObject
) -> None:
    """Cut off, with bytes changed, put in or left out: a file is read or refused in one line."""
    name, content = whole
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        end = min(len(damaged), start + data.draw(st.sampled_from([0, 0, 1, 1, 1, 2, 8, 1000])))
        damaged[start:end] = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from(PIECES)))
    packed = data.draw(st.booleans())
    _read_or_refuse(tmp_path / name, gzip.compress(bytes(damaged)) if packed else bytes(damaged))


PIECES = (
    b"\t",
    b",",
    b";",
    b"\n",
    b"\r",
    b'"',
    b"NaN",
    b"1e999",
    b"-",
    b"@data\n",
    b"{",
    b"[",
    b"'",
    b"\xef\xbb\xbf",
)
ENDINGS = (".tsv", ".npy", ".npz", ".json", ".arff", ".ts", ".gz", "")
STARTS = (
    b"",
    b"\x93NUMPY\x01\x00",
    b"PK\x03\x04",
    b"\x1f\x8b\x08\x00",
    b"[",
    b"@relation a\n",
    b"\xff\xfe",
    b"1\t5\n",
)


@given(st.sampled_from(ENDINGS), st.sampled_from(STARTS), st.binary(max_size=200))
@settings(FREELY, max_examples=600)
def test_any_bytes_are_read_or_refused(tmp_path: Path, ending: str, start: bytes, rest: bytes) -> None:
    """Whatever a file is called and however it begins."""
    _read_or_refuse(tmp_path / f"a{ending}", start + rest)


@given(st.sampled_from(ENDINGS), st.text(alphabet="0123456789.,;\t\n\r eE+-\"'?aNx_{}[]@%#:", max_size=80))
@settings(FREELY, max_examples=600)
def test_any_text_is_read_or_refused(tmp_path: Path, ending: str, text: str) -> None:
    """Text of the characters that rows are made of."""
    _read_or_refuse(tmp_path / f"a{ending}", text.encode())
