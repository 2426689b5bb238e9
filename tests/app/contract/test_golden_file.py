"""`app.contract.golden_file`: golden files made to do harm are refused before an array is made of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.contract.golden_file import read_golden
from tests.app.contract.hostile import npy_file, npy_header, refused, with_arrays, with_golden


class Payload:
    """Makes a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """What pickle is to call, and with what."""
        return Path.touch, (self.marker,)


def test_pickled_objects_are_never_unpickled(folder: Path, tmp_path: Path) -> None:
    """Reading them would run what they say."""
    marker = tmp_path / "marker"
    content = npy_file(np.array([[Payload(marker)] * 500], dtype=object))
    np.load(io.BytesIO(content), allow_pickle=True)
    assert marker.exists(), "the payload is no payload"
    marker.unlink()
    refused(with_golden(folder, series=content), r"golden\.npz: series has the dtype '\|O', not '<f4'")
    assert not marker.exists()


def written(header: str, *, values: int = 1000) -> bytes:
    """An npy file with a header as it is, and as many zeros."""
    text = f"{header}\n".encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(4 * values)


def header(*, descr: str = "'<f4'", fortran_order: str = "False", shape: str = "(2, 500)") -> str:
    """The source of a header, of fields that are source."""
    return f"{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}"


WIDTHS = {"series": 500, "probabilities": 2, "novelty": 1}
SERIES = npy_file(np.zeros((2, 500), np.float32))
GOLDEN: dict[str, tuple[bytes, str]] = {
    "declares 4 TiB": (npy_header((2**31, 500)) + bytes(100), r"declares \[2147483648, 500\], but the data"),
    "declares less": (npy_header((1, 500)) + bytes(8000), "but the data have another size"),
    "cut off": (SERIES[:-1], "but the data have another size"),
    "negative": (npy_header((-1, 500)), "but the data have another size"),
    "more than 64 bits": (npy_header((2**70, 500)), "but the data have another size"),
    "no shape": (npy_header(()), r"series is float32\[\], not"),
    "structured": (npy_header((2, 500), descr="|V4"), r"series has the dtype '\|V4', not '<f4'"),
    "other byte order": (npy_header((2, 500), descr=">f4"), "series has the dtype '>f4'"),
    "other magic": (b"PK" + SERIES, "series: not an npy file"),
    "other version": (b"\x93NUMPY\x03\x00" + SERIES[8:], "series: unknown version of the npy format"),
    "no header": (SERIES[:9], "series: not an npy file"),
    "header that is code": (SERIES[:10] + b"__import__('os').abort()" + SERIES[34:], "not an npy file"),
    "header that is a list": (written("[]"), "its header has other fields than"),
    "header of Python 2": (written("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 9)}"), "header: "),
    "fields too few": (written("{'descr': '<f4', 'shape': (2, 500)}"), "its header has other fields than"),
    "fields too many": (
        written("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 500), 'x': 1}"),
        "its header has other fields than",
    ),
    "long header": (SERIES[:8] + b"\xff\xff" + b" " * 70_000, "series: not an npy file"),
    "nothing": (b"", "series: not an npy file"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_a_hostile_golden_array_is_refused(folder: Path, name: str) -> None:
    """A header is not believed: neither its shape nor its dtype, and least of all that it is a literal."""
    content, message = GOLDEN[name]
    refused(with_golden(folder, series=content), rf"golden\.npz: .*{message}")


SHAPES = [
    "(2.0, 500)", "(2, 500.0)", "(True, 500)", "(2, True)", "('2', 500)", "((2,), 500)", "[2, 500]", "1000",
    "None", "'2, 500'", "(2, None)", "(2j, 500)", "{2, 500}", "(2, 500, [])", "(float,)", "(1e400, 500)",
    "('" + "x" * 900 + "', 500)",
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_that_is_not_a_tuple_of_integers_is_refused(folder: Path, shape: str) -> None:
    """Python takes True for 1 and 2.0 for 2, and numpy does not."""
    message = r"golden\.npz: series(: not an npy file: header|.* is not a tuple of integers)"
    refused(with_golden(folder, series=written(header(shape=shape))), message)


def test_a_row_count_of_true_is_refused_in_every_array(folder: Path) -> None:
    """One row is `True` rows to Python: such a file passed all checks, and ended in a trace."""
    golden = {name: npy_file(np.full((1, width), 1 / width, np.float32)) for name, width in WIDTHS.items()}
    for name, width in WIDTHS.items():
        lying = written(header(shape=f"(True, {width})"), values=width)
        refused(with_arrays(folder, golden | {name: lying}), rf"{name} has the shape \(True, {width}\)")


@pytest.mark.parametrize(
    "descr",
    ["'float32'", "'=f4'", "'f4'", "'<f8'", "'<i4'", "('<f4', (1,))", "[('a', '<f4')]", "()", "None", "5"],
)
def test_another_dtype_is_refused(folder: Path, descr: str) -> None:
    """Also one that is the same on most machines: a reader without numpy has no table of names."""
    refused(with_golden(folder, series=written(header(descr=descr))), "series has the dtype .*, not '<f4'")


@pytest.mark.parametrize("order", ["True", "1", "0", "None", "'C'"])
def test_another_order_is_refused(folder: Path, order: str) -> None:
    """A reader that does not look at it would read other series."""
    refused(with_golden(folder, series=written(header(fortran_order=order))), "series is stored in Fortran")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["series", "probabilities", "novelty"])
def test_values_that_are_not_finite_are_refused(folder: Path, name: str, value: float) -> None:
    """Before an engine is made: it is the file that is wrong, not the engine."""
    with np.load(folder / "golden.npz") as arrays:
        values = arrays[name].copy()
    values[3, -1] = value
    refused(with_arrays(folder, {name: npy_file(values)}), f"{name}: row 3 has a value that is not finite")


@pytest.mark.parametrize("row", [(0.5, 0.4), (0.6, 0.6), (-0.5, 1.5), (0.0, 0.0), (1.5, -0.5)])
def test_values_that_are_not_probabilities_are_refused(folder: Path, row: tuple[float, float]) -> None:
    """Every answer of the server sums to 1, and so do those that it is held against."""
    with np.load(folder / "golden.npz") as arrays:
        values = arrays["probabilities"].copy()
    values[2] = row
    message = "probabilities: row 2 does not hold probabilities that sum to 1: the smallest is "
    refused(with_golden(folder, probabilities=npy_file(values)), message)


@pytest.mark.parametrize("classes", [2, 10_000])
def test_probabilities_are_rounded_like_float32(tmp_path: Path, classes: int) -> None:
    """A softmax over many classes does not sum to 1 exactly."""
    logits = np.sin(np.arange(4 * classes, dtype=np.float32)).reshape(4, classes) * 8
    exponents = np.exp(logits)
    arrays = {"probabilities": exponents / exponents.sum(axis=1, keepdims=True, dtype=np.float32)}
    np.savez(tmp_path / "golden.npz", **arrays)
    found = read_golden(tmp_path / "golden.npz", {"probabilities": (classes,)})
    np.testing.assert_array_equal(found["probabilities"], arrays["probabilities"])


def test_a_golden_bomb_is_refused(folder: Path) -> None:
    """48 MiB of zeros in 48 KiB: what is compressed is not read."""
    with_golden(folder, compressed=True, series=npy_file(np.zeros((25_000, 500), np.float32)))
    refused(folder, r"golden\.npz: series\.npy is compressed")


def test_a_large_golden_array_is_refused(folder: Path) -> None:
    """A proof of an engine takes a few series, not a hundred thousand."""
    with_golden(folder, series=npy_file(np.zeros((40_000, 500), np.float32)))
    refused(folder, r"series\.npy is 80,000,128 bytes; at most 67,108,864 are allowed")


def test_an_unknown_golden_member_is_refused(folder: Path) -> None:
    """As is anything else that nobody sealed."""
    refused(
        with_golden(folder, extra=SERIES),
        r"contains extra\.npy; allowed are novelty\.npy, probabilities\.npy, s",
    )
