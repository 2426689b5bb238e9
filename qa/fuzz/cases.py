"""What a decoder is given: a body, and the size of the model that it is for."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Size(NamedTuple):
    """The numbers that a decoder is made for."""

    length: int
    max_instances: int


class Case(NamedTuple):
    """One body.

    Attributes:
        body: the bytes.
        size: of the model.
        encoding: of the body, a value of Content-Encoding.
    """

    body: bytes
    size: Size
    encoding: str = "identity"


# Small ones have more of what is not a number, and are soon done; the large one is the committed model's.
SMALL = Size(5, 3)
LARGE = Size(500, 256)
# The default limit of a body, for the large ones.
MAX_BYTES = 4 * 1024 * 1024
_SIZES = (*(SMALL,) * 90, *(Size(1, 1),) * 9, LARGE)


def size(rng: Random) -> Size:
    """Mostly a small one."""
    return rng.choice(_SIZES)


def count(rng: Random, limit: int) -> int:
    """How many there are where so many belong: mostly that many."""
    return rng.choice((limit, limit, limit, limit, limit, limit - 1, limit + 1, 0))


def rows(rng: Random, size: Size) -> int:
    """How many series there may be: for the large size few or all, since what is between says nothing new."""
    return rng.choice((1, 2, size.max_instances)) if size == LARGE else rng.randint(1, size.max_instances)
