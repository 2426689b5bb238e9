"""Compressed bodies: what is read, and that bombs and broken data are refused in time."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.payloads import decompress
from app.api.payloads.content_encoding import MAX_MEMBERS
from app.errors import MalformedPayload, PayloadTooLarge, UnsupportedMediaType

TEXT = b'{"instances": [[0.5, -1.25]]}' * 1000
LIMIT = 1_000_000
COMPRESSED = {"gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT)}


@pytest.mark.parametrize(
    "encoding", [None, "", " ", "identity", "Identity", "identity, identity", ",", " ,\tidentity,"]
)
def test_an_uncompressed_body_is_itself(encoding: str | None) -> None:
    """Without an encoding the body passes as it is."""
    assert decompress(TEXT, encoding=encoding, max_bytes=LIMIT) is TEXT


@pytest.mark.parametrize(
    "encoding", ["gzip", "GZIP", " gzip ", "x-gzip", "identity, gzip", "gzip,identity", ", ,gzip,"]
)
def test_gzip_is_read(encoding: str) -> None:
    """A gzip body is decompressed, however its encoding is written."""
    assert decompress(COMPRESSED["gzip"], encoding=encoding, max_bytes=LIMIT) == TEXT


def test_deflate_is_read() -> None:
    """A deflate body, which HTTP means as zlib, is decompressed."""
    assert decompress(COMPRESSED["deflate"], encoding="deflate", max_bytes=LIMIT) == TEXT


@given(
    st.binary(max_size=300_000) | st.integers(0, 400_000).map(lambda size: bytes(size)),
    st.integers(0, 9),
    st.sampled_from(["gzip", "deflate"]),
)
def test_every_body_survives_compression(body: bytes, level: int, encoding: str) -> None:
    """Bodies of any size and content come back as they were."""
    packed = gzip.compress(body, level) if encoding == "gzip" else zlib.compress(body, level)
    assert decompress(packed, encoding=encoding, max_bytes=LIMIT) == body


@pytest.mark.parametrize("size", [1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_000])
@pytest.mark.parametrize("content", [bytes, os.urandom])
def test_a_body_of_exactly_the_limit_is_read(size: int, content: type[bytes]) -> None:
    """The limit itself is allowed; one byte less is not enough for it."""
    body = content(size)
    packed = gzip.compress(body)
    room = max(size, len(packed))
    assert decompress(packed, encoding="gzip", max_bytes=room) == body
    with pytest.raises(PayloadTooLarge):
        decompress(packed, encoding="gzip", max_bytes=size - 1)


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip,deflate", "gzip identity", "x" * 500, "a\nb"]
)
def test_another_encoding_is_refused_with_the_ones_that_are_read(encoding: str) -> None:
    """An unknown encoding, or several, is named in one line with what to send instead."""
    with pytest.raises(UnsupportedMediaType) as caught:
        decompress(TEXT, encoding=encoding, max_bytes=LIMIT)
    assert str(caught.value).endswith(" is not supported; send gzip, deflate or no compression")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
def test_a_body_larger_than_the_limit_as_sent_is_refused(encoding: str | None) -> None:
    """The limit holds for what was sent too."""
    with pytest.raises(PayloadTooLarge) as caught:
        decompress(bytes(1001), encoding=encoding, max_bytes=1000)
    assert str(caught.value) == "the body has 1,001 bytes; the limit is 1,000"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_without_holding_it(encoding: str) -> None:
    """A small body that decompresses to 200 MB never takes much more memory than the limit."""
    compressor = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(compressor.compress(bytes(1_000_000)) for _ in range(200)) + compressor.flush()
    assert len(bomb) < LIMIT
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge) as caught:
            decompress(bomb, encoding=encoding, max_bytes=LIMIT)
        assert tracemalloc.get_traced_memory()[1] < LIMIT + 500_000
    finally:
        tracemalloc.stop()
    assert str(caught.value) == "the body decompresses to more than 1,000,000 bytes"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("kept", [0, 1, 5, 20, -9, -1])
def test_a_body_that_ends_early_is_refused(encoding: str, kept: int) -> None:
    """A body cut off anywhere, even in its checksum, is told as that."""
    with pytest.raises(MalformedPayload) as caught:
        decompress(COMPRESSED[encoding][:kept], encoding=encoding, max_bytes=LIMIT)
    assert str(caught.value) == f"broken {encoding}: the data end too early"


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [("gzip", "they are not a gzip member"), ("deflate", "a deflate body is one zlib stream")],
)
@pytest.mark.parametrize("garbage", [bytes(1), bytes(100_000), b"\x1e\x8b", b"\x1f\x8c", b"\n"])
def test_garbage_after_the_end_is_refused(encoding: str, reason: str, garbage: bytes) -> None:
    """Bytes after the compressed data are told with their number; zeros too, which gzip ignores."""
    with pytest.raises(MalformedPayload) as caught:
        decompress(COMPRESSED[encoding] + garbage, encoding=encoding, max_bytes=LIMIT)
    assert str(caught.value) == f"broken {encoding}: {len(garbage):,} bytes follow its end; {reason}"


@settings(deadline=None)
@given(
    st.binary(max_size=1000),
    st.integers(1, 200),
    st.lists(st.integers(0, 200_000), max_size=20),
    st.integers(0, 9),
)
def test_a_gzip_body_of_several_members_is_one_body(
    unit: bytes, times: int, cuts: list[int], level: int
) -> None:
    """However it is cut into members, empty ones among them, and as Python's own reader reads it."""
    body = unit * times
    ends = sorted(min(cut, len(body)) for cut in cuts)
    parts = [body[start:end] for start, end in pairwise([0, *ends, len(body)])]
    packed = b"".join(gzip.compress(part, level) for part in parts)
    assert decompress(packed, encoding="gzip", max_bytes=LIMIT) == body == gzip.decompress(packed)


@pytest.mark.parametrize("size", [64 * 1024, 100_000, 10 * 64 * 1024])
def test_members_that_compress_well_are_read_one_after_the_other(size: int) -> None:
    """The end of one that takes several output steps, and few input bytes, is where the next one begins."""
    member = gzip.compress(bytes(size))
    assert (
        decompress(member * 3 + gzip.compress(b"x"), encoding="gzip", max_bytes=4 * size)
        == bytes(3 * size) + b"x"
    )


def test_a_second_stream_of_deflate_is_refused() -> None:
    """The format has no members."""
    with pytest.raises(MalformedPayload, match="follow its end; a deflate body is one zlib stream"):
        decompress(COMPRESSED["deflate"] * 2, encoding="deflate", max_bytes=LIMIT)


@pytest.mark.parametrize("kept", [1, 2, 5, 20, -9, -1])
def test_a_member_that_ends_early_is_refused(kept: int) -> None:
    """As a body that is one member."""
    with pytest.raises(MalformedPayload) as caught:
        decompress(COMPRESSED["gzip"] * 2 + COMPRESSED["gzip"][:kept], encoding="gzip", max_bytes=LIMIT)
    assert str(caught.value) == "broken gzip: the data end too early"


def test_a_broken_member_after_a_whole_one_is_reported_with_the_reason() -> None:
    """It begins as a member does."""
    broken = COMPRESSED["gzip"][:-8] + bytes(8)
    with pytest.raises(MalformedPayload, match="broken gzip: incorrect data check"):
        decompress(COMPRESSED["gzip"] + broken, encoding="gzip", max_bytes=LIMIT)


def test_the_limit_is_that_of_all_members_together() -> None:
    """Each of them is within it."""
    packed = gzip.compress(bytes(600)) * 3
    assert decompress(packed, encoding="gzip", max_bytes=1800) == bytes(1800)
    with pytest.raises(PayloadTooLarge, match="the body decompresses to more than 1,799 bytes"):
        decompress(packed, encoding="gzip", max_bytes=1799)


def test_members_have_a_number() -> None:
    """Each costs something, and an empty one has 20 bytes."""
    member = gzip.compress(b"")
    assert decompress(member * MAX_MEMBERS, encoding="gzip", max_bytes=LIMIT) == b""
    with pytest.raises(MalformedPayload) as caught:
        decompress(member * (MAX_MEMBERS + 1), encoding="gzip", max_bytes=LIMIT)
    assert str(caught.value) == "more than 10,000 gzip members; send one"


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (TEXT, "gzip", "broken gzip: incorrect header check"),
        (TEXT, "deflate", "broken deflate: incorrect header check"),
        (COMPRESSED["deflate"], "gzip", "broken gzip: incorrect header check"),
        (
            COMPRESSED["gzip"][:-8] + bytes([COMPRESSED["gzip"][-8] ^ 1]) + COMPRESSED["gzip"][-7:],
            "gzip",
            "broken gzip: incorrect data check",
        ),
        (
            COMPRESSED["gzip"][:-4] + bytes(4),
            "gzip",
            "broken gzip: incorrect length check",
        ),
    ],
)
def test_broken_data_are_reported_with_the_reason(body: bytes, encoding: str, message: str) -> None:
    """Data that are no such stream, or whose checksum is wrong, are refused with zlib's reason."""
    with pytest.raises(MalformedPayload) as caught:
        decompress(body, encoding=encoding, max_bytes=LIMIT)
    assert str(caught.value) == message
