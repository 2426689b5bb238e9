"""Compressed bodies that are valid, broken, cut off, concatenated, or far larger when decompressed."""

from __future__ import annotations

import gzip
import zlib
from random import Random

from qa.fuzz import json_bodies
from qa.fuzz.cases import MAX_BYTES, SMALL, Case
from qa.fuzz.mutations import Mutator

_ENCODINGS = (
    *("gzip", "deflate") * 12,
    "x-gzip",
    "GZIP",
    " gzip",
    "identity",
    "",
    "br",
    "gzip, gzip",
    "identity, gzip",
    "gzip,,\tIdentity",
    "\u0130dentity",
)
_FRAGMENTS = (
    b"\x1f\x8b", b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x1f", b"\x78\x9c", b"\x78\xda", b"\x00\x00\xff\xff",
    b"\x03\x00", b"\x01\x00\x00\xff\xff", bytes(8), b"\xff" * 8, b"\x00name\x00", b"\x05", b"\xed\xfd",
    zlib.compress(bytes(100_000)), gzip.compress(bytes(100_000), mtime=0), gzip.compress(b"", mtime=0),
)  # fmt: skip

mutate = Mutator(_FRAGMENTS)


def case(rng: Random) -> Case:
    """One body and its Content-Encoding; two thirds have changed bytes."""
    body = packed(rng, _plain(rng))
    if not rng.getrandbits(3):  # several members, if it is gzip
        body = b"".join((body, *(packed(rng, _plain(rng)) for _ in range(rng.randrange(1, 4)))))
    if rng.randrange(3):
        body = mutate(rng, body, packed(rng, _plain(rng)))
    return Case(body, SMALL, rng.choice(_ENCODINGS))


def packed(rng: Random, plain: bytes) -> bytes:
    """The data, compressed in one of the ways of clients."""
    level = rng.randrange(10)
    wbits = rng.choice((31, 31, 15, 15, -15, 9, 25))
    compressor = zlib.compressobj(level, wbits=wbits, strategy=rng.randrange(5))
    parts = [compressor.compress(plain)]
    if not rng.getrandbits(2):  # several blocks
        parts += (
            compressor.flush(rng.choice((zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH))),
            compressor.compress(plain),
        )
    return b"".join((*parts, compressor.flush()))


def _plain(rng: Random) -> bytes:
    if not rng.getrandbits(10):
        return bytes([rng.getrandbits(8)]) * rng.randrange(8 * MAX_BYTES)
    if not rng.getrandbits(3):
        return rng.randbytes(2 ** rng.randrange(18))
    return json_bodies.document(rng, SMALL)
