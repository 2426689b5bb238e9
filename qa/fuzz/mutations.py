"""Valid bytes made invalid by chance: bits, spans, lengths, numbers. It knows a format by its fragments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from qa.fuzz.numbers import number

_MOST_CHANGES = 6
_NUMBER = re.compile(rb"[0-9]+")
# A body's structure is at its ends; in between it is mostly numbers.
_END_BYTES = 160


class Mutator:
    """Changes bytes at random places.

    Args:
        fragments: that mean something in the format.
    """

    def __init__(self, fragments: Sequence[bytes]) -> None:
        self._fragments = fragments
        self._ways: tuple[Callable[[Random, bytes], bytes], ...] = (
            _flip_a_bit, _set_a_byte, _cut_out, _cut_off, _cut_off_the_head, _repeat, _swap, _new_number,
            _new_integer, self._insert, self._replace, self._nest,
        )  # fmt: skip

    def __call__(self, rng: Random, data: bytes, other: bytes = b"") -> bytes:
        """The data after one to a few changes.

        Args:
            rng: chooses them.
            data: the bytes.
            other: more of the kind; sometimes a part of it takes the place of one of the data's.
        """
        for _ in range(1 + min(rng.getrandbits(3), _MOST_CHANGES - 1)):
            data = rng.choice(self._ways)(rng, data)
        return splice(rng, data, other) if other and not rng.getrandbits(3) else data

    def _insert(self, rng: Random, data: bytes) -> bytes:
        at = place(rng, data)
        return data[:at] + rng.choice(self._fragments) + data[at:]

    def _replace(self, rng: Random, data: bytes) -> bytes:
        start, end = _span(rng, data)
        return data[:start] + rng.choice(self._fragments) + data[end:]

    def _nest(self, rng: Random, data: bytes) -> bytes:
        at = place(rng, data)
        times = 1 << rng.randrange(1, 12)
        return data[:at] + rng.choice(self._fragments) * times + data[at:]


def place(rng: Random, data: bytes) -> int:
    """A position in the data, as often near one of its ends as anywhere."""
    size = len(data)
    if size <= _END_BYTES or rng.getrandbits(1):
        return rng.randrange(size + 1)
    near = rng.randrange(_END_BYTES)
    return near if rng.getrandbits(1) else size - near


def splice(rng: Random, head: bytes, tail: bytes) -> bytes:
    """The beginning of the one and the end of the other."""
    return head[: place(rng, head)] + tail[place(rng, tail) :]


def _span(rng: Random, data: bytes) -> tuple[int, int]:
    start = place(rng, data)
    return start, min(len(data), start + (1 << rng.randrange(8)))


def _flip_a_bit(rng: Random, data: bytes) -> bytes:
    if not data:
        return data
    at = min(place(rng, data), len(data) - 1)
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _set_a_byte(rng: Random, data: bytes) -> bytes:
    at = place(rng, data)
    return data[:at] + bytes([rng.getrandbits(8)]) + data[at + 1 :]


def _cut_out(rng: Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def _cut_off(rng: Random, data: bytes) -> bytes:
    return data[: place(rng, data)]


def _cut_off_the_head(rng: Random, data: bytes) -> bytes:
    return data[place(rng, data) :] if not rng.getrandbits(2) else data


def _repeat(rng: Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:end] + data[start:end] * (1 << rng.randrange(6)) + data[end:]


def _swap(rng: Random, data: bytes) -> bytes:
    (first, middle), (start, end) = sorted((_span(rng, data), _span(rng, data)))
    start, end = max(start, middle), max(end, middle)
    return data[:first] + data[start:end] + data[middle:start] + data[first:middle] + data[end:]


def _new_number(rng: Random, data: bytes) -> bytes:
    """Another number in the place of one: a length that lies, a value that is not one."""
    found = _NUMBER.search(data, place(rng, data)) or _NUMBER.search(data)
    if found is None:
        return data
    return data[: found.start()] + number(rng).encode() + data[found.end() :]


def _new_integer(rng: Random, data: bytes) -> bytes:
    """Other bytes of an integer, as formats have them before what they count."""
    size = rng.choice((1, 2, 4, 8))
    at = place(rng, data)
    value = rng.choice((0, 1, -1, 1 << (8 * size - 1), rng.getrandbits(8 * size))) % (1 << (8 * size))
    return data[:at] + value.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]
