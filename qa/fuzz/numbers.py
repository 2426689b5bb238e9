"""Numbers as text: valid ones at the limits of floats, and texts that only look like numbers."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Context, Decimal
from random import Random

# The first double that is infinite as a float32.
FLOAT32_END = 2.0**128 - 2.0**103
# A double has at most 767 significant digits, the middle between two of them at most one more.
_EXACT = Context(prec=800)

EDGES = (
    "0", "-0", "-0.0", "0e0", "0E-0", "1e-400", "-1e-400", "5e-324", "2.4703282292062327e-324",
    "2.4703282292062328e-324", "2.2250738585072011e-308", "2.2250738585072014e-308",
    "1.7976931348623157e308", "1.7976931348623159e308", "1e308", "1e309", "1e400", "-1e400", "1e99999",
    "3.4028234663852886e38", "3.4028235e38", "3.4028235677973362e38", "3.4028235677973366e38", "1e39",
    "1.401298464324817e-45", "7.006492321624085e-46", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
    "18446744073709551616", "340282356779733661637539395458142568447",
    "340282356779733661637539395458142568448", "1E+5", "1e0005", "1e-0", "0.1e1", "123e-2",
)  # fmt: skip
NOT_JSON = (
    "01", "-01", "+1", ".5", "1.", "1e", "1e+", "--1", "-", "0x10", "1_000", "1,0", "NaN", "nan", "-NaN",
    "Infinity", "-Infinity", "inf", "1d5", "1f", "\uff11", "\u0661", "1\u00a0", "true", "false", "null",
    '"1"', '"', "[]", "[1]", "{}", "'1'", "1 2", "1/2", "", "\x001", "1\x00", "//1", "1e1.5",
)  # fmt: skip


def number(rng: Random) -> str:
    """A number that JSON allows, of any size."""
    return rng.choice(_WAYS)(rng)


def float32(rng: Random) -> str:
    """A number that JSON allows, within the range of float32."""
    while True:
        text = number(rng)
        if len(text) < _SHORT and abs(float(text)) < FLOAT32_END:
            return text


# Fewer digits than the limit of Python's integer parser.
_SHORT = 4000


def _edge(rng: Random) -> str:
    return rng.choice(EDGES)


def _plain(rng: Random) -> str:
    return f"{rng.uniform(-4, 4):.{rng.randrange(1, 9)}f}"


def _any_double(rng: Random) -> str:
    return repr(finite_double(rng))


def _integer(rng: Random) -> str:
    return str(rng.choice((1, -1)) * rng.getrandbits(2 ** rng.randrange(12)))


def _long(rng: Random) -> str:
    digits = str(rng.getrandbits(2 ** rng.randrange(13)))
    exponent = f"e{rng.randrange(-340, 310)}" if rng.getrandbits(1) else ""
    return f"{rng.choice(('', '-'))}{rng.randrange(10)}.{digits}{exponent}"


def _halfway(rng: Random) -> str:
    """The middle between two doubles, or very near it: a parser that rounds twice gets it wrong."""
    low = abs(finite_double(rng))
    high = math.nextafter(low, math.inf)
    if math.isinf(high):
        return "1e308"
    middle = _EXACT.divide(_EXACT.add(Decimal(low), Decimal(high)), Decimal(2))
    # A digit after the last one of the exact middle changes it by less than any digit of its own.
    hair = Decimal((0, (1,), middle.adjusted() - 780))
    return str(rng.choice((middle, _EXACT.add(middle, hair), _EXACT.subtract(middle, hair))))


def finite_double(rng: Random) -> float:
    """A finite double; all bit patterns are equally likely."""
    while True:
        value: float = struct.unpack("<d", rng.randbytes(8))[0]
        if math.isfinite(value):
            return value


_WAYS: tuple[Callable[[Random], str], ...] = (_edge, _plain, _any_double, _integer, _long, _halfway)
