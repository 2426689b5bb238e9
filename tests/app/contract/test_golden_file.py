"""`app.contract.golden_file`: golden files made to do harm are refused before an array is made of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.app.contract.hostile import npy_file, npy_header, refused, with_golden


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
    refused(with_golden(folder, series=content), r"golden\.npz: series is object\[1, 500\], not float32")
    assert not marker.exists()


SERIES = npy_file(np.zeros((2, 500), np.float32))
GOLDEN: dict[str, tuple[bytes, str]] = {
    "declares 4 TiB": (npy_header((2**31, 500)) + bytes(100), r"declares \[2147483648, 500\], and other"),
    "declares less": (npy_header((1, 500)) + bytes(8000), "and other data follow"),
    "cut off": (SERIES[:-1], "and other data follow"),
    "negative": (npy_header((-1, 500)), "and other data follow"),
    "more than 64 bits": (npy_header((2**70, 500)), "and other data follow"),
    "no shape": (npy_header(()), r"series is float32\[\], not"),
    "structured": (npy_header((2, 500), descr="|V4"), r"series is \|V4\[2, 500\], not float32"),
    "other byte order": (npy_header((2, 500), descr=">f4"), "series is >f4"),
    "other magic": (b"PK" + SERIES, "series: not an npy file"),
    "other version": (b"\x93NUMPY\x03\x00" + SERIES[8:], "series: npy of a version that is not sealed here"),
    "no header": (SERIES[:9], "series: not an npy file"),
    "header that is code": (SERIES[:10] + b"__import__('os').abort()" + SERIES[34:], "not an npy file"),
    "long header": (SERIES[:8] + b"\xff\xff" + b" " * 70_000, "series: not an npy file"),
    "nothing": (b"", "series: not an npy file"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_a_hostile_golden_array_is_refused(folder: Path, name: str) -> None:
    """A header is not believed: neither its shape nor its dtype, and least of all that it is a literal."""
    content, message = GOLDEN[name]
    refused(with_golden(folder, series=content), rf"golden\.npz: .*{message}")


def test_a_golden_bomb_is_refused(folder: Path) -> None:
    """48 MiB of zeros in 48 KiB: what is compressed is not read."""
    with_golden(folder, compressed=True, series=npy_file(np.zeros((25_000, 500), np.float32)))
    refused(folder, r"golden\.npz: series\.npy is compressed")


def test_a_large_golden_array_is_refused(folder: Path) -> None:
    """A proof of an engine takes a few series, not a hundred thousand."""
    with_golden(folder, series=npy_file(np.zeros((40_000, 500), np.float32)))
    refused(folder, r"series\.npy is 80,000,128 bytes; at most 67,108,864 are read")


def test_an_unknown_golden_member_is_refused(folder: Path) -> None:
    """As is anything else that nobody sealed."""
    refused(with_golden(folder, extra=SERIES), r"holds extra\.npy: only novelty\.npy, probabilities\.npy, s")
