"""npy bodies that are valid, nearly valid, or have a header that contradicts the data."""

from __future__ import annotations

import io
import math
from random import Random

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from qa.fuzz.cases import LARGE, MAX_BYTES, Case, Size, count, rows, size
from qa.fuzz.mutations import Mutator

_NUMBERS = ("<f4", "<f4", "<f4", ">f4", "<f8", ">f8", "<f2", "|i1", "|u1", "<i2", ">i4", "<u4", "<i8", "<u8")
_OTHERS = ("|b1", "<c8", "<f16", "|S4", "<U2", "<M8[s]", "<m8[us]", "|V4")
# Other parts of a header, which numpy parses as Python source.
_DESCRIPTIONS = (
    "'<f4'", "'>f8'", "'|O'", "'O'", "'<f5'", "'a5'", "'(2,)<f4'", "'f'", "'d'", "float", "None", "4",
    "b'<f4'", "[('a', '<f4')]", "[('a', '<f4', (2,))]", "('<f4', (5,))",
    "{'names': ['a'], 'formats': ['<f4']}", "'\\x00'", "'<f4" + "4" * 50 + "'", "'<U99999999'", "'|V0'",
    "'|S0'", "''", "'<f4,<f4'", "'=f4'", "'M8[9999999999999s]'",
)  # fmt: skip
_SHAPES = (
    "(2, 5)", "(2, 5, 1)", "(10,)", "()", "(0, 5)", "(5, 0)", "(-1, 5)", "(2L, 5L)", "[2, 5]", "(2, 5,)",
    "(True, 5)", "(2.0, 5)", "(99999999999999999999, 5)", "(4294967296, 4294967296)", "(2, -5)", "5",
    "None", "(2, 5, 1, 1)", "(1,)*2", "(2, 5) ", "(0x2, 5)", "(2_0, 5)", "(2, 2, 2)",
    "(" + "1, " * 200 + ")", "(9" + "9" * 900 + ",)",
)  # fmt: skip
_VERSIONS = (*((1, 0), (2, 0)) * 8, (3, 0))
_FRAGMENTS = (
    *(bytes([one]) for one in b"(){}[],:'\"\\ \n\x00#;=<>|-L\xff"), npy.MAGIC_PREFIX, b"\x01\x00",
    b"\x02\x00", b"\x03\x00", b"'descr'", b"'shape'", b"'fortran_order'", b"True", b"False", b"None",
    b"lambda: 0", b"1if 1else 2", b"__import__('os')", b"f'{1}'", b"-(1)", b"1e5", b"...",
    *(text.encode() for text in (*_DESCRIPTIONS, *_SHAPES)), np.float32("nan").tobytes(),
    np.float32("inf").tobytes(), np.float64("-inf").tobytes(), np.float64(1e300).tobytes(),
)  # fmt: skip

mutate = Mutator(_FRAGMENTS)


def case(rng: Random) -> Case:
    """One body: a file of numpy's or one with its own header; half of the cases have changed bytes."""
    of = LARGE if not rng.getrandbits(6) else size(rng)
    body = file(rng, of) if rng.getrandbits(1) else forged(rng, of)
    return Case((mutate(rng, body, file(rng, of)) if rng.getrandbits(1) else body)[:MAX_BYTES], of)


def saved(array: NDArray[np.float32]) -> bytes:
    """A series as a client sends it."""
    written = io.BytesIO()
    npy.write_array(written, array, version=(1, 0), allow_pickle=False)
    return written.getvalue()


def file(rng: Random, of: Size) -> bytes:
    """A file as numpy writes it; half of the arrays are valid, others nearly."""
    fits = bool(rng.getrandbits(1))
    shape = rows(rng, of), of.length
    dtype = np.dtype(rng.choice(_NUMBERS))
    if not fits:
        shape = count(rng, shape[0]), count(rng, of.length)
        dtype = np.dtype(rng.choice((*_NUMBERS, *_OTHERS)))
    if fits and dtype.kind == "f":
        array = np.random.default_rng(rng.getrandbits(32)).normal(size=shape).astype(dtype)
    else:
        array = np.frombuffer(rng.randbytes(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)
    if not rng.getrandbits(2):
        array = np.asfortranarray(array)
    if not rng.getrandbits(2):
        array = array[..., np.newaxis]
    written = io.BytesIO()
    npy.write_array(written, array, version=rng.choice(_VERSIONS), allow_pickle=False)
    return written.getvalue()


def forged(rng: Random, of: Size) -> bytes:
    """A header that numpy would not write, followed by data."""
    number = rows(rng, of)
    # Mutations make sources of up to 200 nested lists, far less than the parser's limit.
    pairs = [
        ("'descr'", rng.choice(("'<f4'", rng.choice(_DESCRIPTIONS)))),
        ("'fortran_order'", rng.choice(("False", "False", "True", "0", "None", "'no'"))),
        ("'shape'", rng.choice((f"({number}, {of.length})", rng.choice(_SHAPES)))),
    ]
    rng.shuffle(pairs)
    if not rng.getrandbits(3):
        pairs.insert(rng.randrange(4), rng.choice((*pairs, ("'more'", "1"))))
    header = f"{{{', '.join(f'{name}: {value}' for name, value in pairs)}}}".encode("latin-1")
    header = header.ljust(rng.choice((0, 64, 118, 1024, 2000))) + rng.choice((b"\n", b"", b" ", b"\x00"))
    version = bytes(rng.choice((*_VERSIONS, (0, 1), (255, 255))))
    length = (
        rng.choice((len(header), len(header), len(header) + rng.randrange(-9, 9), rng.getrandbits(16)))
        % 65536
    )
    size = length.to_bytes(2 if version == b"\x01\x00" else 4, "little")
    data = rng.choice((number * of.length * 4, number * of.length * 4, rng.randrange(99), 0))
    return npy.MAGIC_PREFIX + version + size + header + bytes(data)
