"""Random mutations of valid bytes: spans are replaced by other bytes, some of them format fragments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from qa.fuzz.numbers import number

_MOST_CHANGES = 6
_NUMBER = re.compile(rb"[0-9]+")
# A body has its structure at its ends; between them it is mostly numbers.
_END_BYTES = 160


class Mutator:
    """Changes bytes at random places.

    Args:
        fragments: that mean something in the format.
    """

    def __init__(self, fragments: Sequence[bytes]) -> None:
        self._fragments = fragments

    def __call__(self, rng: Random, data: bytes, other: bytes = b"") -> bytes:
        """The data after one to a few changes.

        Args:
            rng: chooses them.
            data: the bytes.
            other: more of the kind; sometimes a part of it takes the place of one of the data's.
        """
        for _ in range(1 + min(rng.getrandbits(3), _MOST_CHANGES - 1)):
            start, end = _span(rng, data)
            data = data[:start] + self._piece(rng, data[start:end]) + data[end:]
        return splice(rng, data, other) if other and not rng.getrandbits(3) else data

    def _piece(self, rng: Random, old: bytes) -> bytes:
        """The replacement of a span: nothing, repetitions, or a fragment of the format."""
        match rng.randrange(8):
            case 0 | 1:
                return b""
            case 2:
                return bytes(byte ^ (1 << rng.randrange(8)) for byte in old[:1]) + old[1:]
            case 3:
                return old * (1 << rng.randrange(1, 6))
            case 4:
                return rng.choice(self._fragments)
            case 5:
                return rng.choice(self._fragments) * (1 << rng.randrange(1, 12))
            case 6:
                return number(rng).encode()
        return _integer(rng)


def place(rng: Random, data: bytes) -> int:
    """A position in the data; half of them are near its ends."""
    size = len(data)
    if size <= _END_BYTES or rng.getrandbits(1):
        return rng.randrange(size + 1)
    near = rng.randrange(_END_BYTES)
    return near if rng.getrandbits(1) else size - near


def splice(rng: Random, head: bytes, tail: bytes) -> bytes:
    """The beginning of one and the end of the other."""
    return head[: place(rng, head)] + tail[place(rng, tail) :]


def _span(rng: Random, data: bytes) -> tuple[int, int]:
    """The span to change: a place between two bytes, a few bytes, a number, or all from or up to a place."""
    at = place(rng, data)
    match rng.randrange(16):
        case 0:
            return 0, at
        case 1:
            return at, len(data)
        case 2 | 3 if found := _NUMBER.search(data, at):
            return found.span()
        case 4 | 5 | 6 | 7:
            return at, at
    return at, min(len(data), at + (1 << rng.randrange(8)))


def _integer(rng: Random) -> bytes:
    """An integer in the form of a length, with a wrong value."""
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice((0, 1, -1, 1 << (8 * size - 1), rng.getrandbits(8 * size))) % (1 << (8 * size))
    return value.to_bytes(size, rng.choice(("little", "big")))
