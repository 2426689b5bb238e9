"""`qa.fuzz.references`: the yardsticks take what the model takes, and nothing else."""

from __future__ import annotations

import gzip
import io
import zlib

import numpy as np
import pytest

from qa.fuzz.cases import Case, Size
from qa.fuzz.references import decompressed, expected_json, expected_npy

SIZE = Size(2, 3)
ARRAY = np.array([[1, 2], [3, 4.5]], "<f4")


def saved(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    """An npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":[[1,2],[3,4.5]]}',
        b' {"\\u0069nstances" : [ [1.0,2e0],[30E-1,4.5]]}\n',
        b'\xef\xbb\xbf{"instances":[[1,2],[3,4.5]]}',
    ],
)
def test_json_that_fits_is_read(body: bytes) -> None:
    """However it is written."""
    found = expected_json(Case(body, SIZE))
    assert found is not None
    assert found.tobytes() == ARRAY.tobytes()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"instances":[]}',
        b'{"instances":[[1]]}',
        b'{"instances":[[1,2],[1,2],[1,2],[1,2]]}',
        b'{"instances":[[1,true]]}',
        b'{"instances":[[1,"2"]]}',
        b'{"instances":[[1,NaN]]}',
        b'{"instances":[[1,1e39]]}',
        b'{"instances":[[1,1%s]]}' % (b"0" * 400),
        b'{"instances":[[1,2]],"x":1}',
        b'{"instances":[[1,2]],"instances":[[1,2]]}',
        b'{"instances":[[1,2]]} x',
        '{"instances":[[1,2]]}'.encode("utf-16"),
        b'\xef\xbb\xbf\xef\xbb\xbf{"instances":[[1,2]]}',
        b'[["instances",[[1,2]]]]',
        b"[" * 100_000,
    ],
)
def test_json_that_does_not_fit_is_not_read(body: bytes) -> None:
    """Wrong in form, in number, in range or in encoding."""
    assert expected_json(Case(body, SIZE)) is None


@pytest.mark.parametrize(
    "array", [ARRAY, ARRAY.astype(">f8"), np.asfortranarray(ARRAY), ARRAY[..., np.newaxis]]
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_npy_that_fits_is_read(array: np.ndarray, version: tuple[int, int]) -> None:
    """Of any type and order, with or without the axis of channels."""
    found = expected_npy(Case(saved(array, version), SIZE))
    assert found is not None
    assert found.tobytes() == ARRAY.tobytes()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        saved(ARRAY)[:-1],
        saved(ARRAY) + b"x",
        saved(ARRAY, (3, 0)),
        saved(ARRAY.astype("c8")),
        saved(ARRAY.astype(bool)),
        saved(ARRAY.ravel()),
        saved(ARRAY.T[:1]).replace(b"(1, 2)", b"(2, 1)"),
        saved(np.ones((4, 2), "<f4")),
        saved(np.full((1, 2), np.nan, "<f4")),
        saved(np.full((1, 2), 1e39, "<f8")),
        saved(ARRAY).replace(b"(2, 2)", b"(2L,2)"),
        saved(ARRAY).replace(b"'<f4'", b"'|O' "),
    ],
)
def test_npy_that_does_not_fit_is_not_read(body: bytes) -> None:
    """Wrong in length, version, type, shape or range, or not read without a warning."""
    assert expected_npy(Case(body, SIZE)) is None


GZIP, DEFLATE = gzip.compress(b"ab"), zlib.compress(b"ab")


@pytest.mark.parametrize(
    ("body", "encoding", "plain"),
    [
        (b"ab", "", b"ab"),
        (b"ab", "identity", b"ab"),
        (GZIP, "gzip", b"ab"),
        (GZIP * 3, "x-gzip", b"ababab"),
        (GZIP, "Identity, GZIP", b"ab"),
        (DEFLATE, "deflate", b"ab"),
        (GZIP + b"\0", "gzip", None),
        (GZIP[:-1], "gzip", None),
        (GZIP + GZIP[:-1], "gzip", None),
        (DEFLATE * 2, "deflate", None),
        (GZIP, "gzip, gzip", None),
        (GZIP, "br", None),
    ],
)
def test_a_compressed_body_is_read_as_the_server_promises(
    body: bytes, encoding: str, plain: bytes | None
) -> None:
    """Of gzip all members, of deflate one stream, and nothing after them."""
    assert decompressed(Case(body, SIZE, encoding)) == plain
