"""Cases of the decoders: a body and the size of the model."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Size(NamedTuple):
    """Series length and highest number of series of a decoder."""

    length: int
    max_instances: int


class Case(NamedTuple):
    """One body.

    Attributes:
        body: the bytes.
        size: of the model.
        encoding: of the body, a value of Content-Encoding.
        head: what else the request's head says of it: V2's Inference-Header-Content-Length, V1's method.
    """

    body: bytes
    size: Size
    encoding: str = "identity"
    head: str = ""


# Small bodies have a larger share of syntax and are fast; the large size is that of the committed model.
SMALL = Size(5, 3)
LARGE = Size(500, 256)
# The default limit of a body, for the large ones.
MAX_BYTES = 4 * 1024 * 1024
_SIZES = (*(SMALL,) * 90, *(Size(1, 1),) * 9, LARGE)


def size(rng: Random) -> Size:
    """A random size, mostly small."""
    return rng.choice(_SIZES)


def count(rng: Random, limit: int) -> int:
    """A random number of items: mostly `limit`, sometimes off by one or 0."""
    return rng.choice((limit, limit, limit, limit, limit, limit - 1, limit + 1, 0))


def rows(rng: Random, size: Size) -> int:
    """A random number of series: for the large size 1, 2 or all, since others find nothing new."""
    return rng.choice((1, 2, size.max_instances)) if size == LARGE else rng.randint(1, size.max_instances)
