"""Targets that break what `fuzz` holds them to, each in a way of its own. Other processes import them."""

from __future__ import annotations

import os
import time
import warnings
from random import Random

from app.errors import MalformedPayload
from qa.fuzz.cases import SMALL, Case
from qa.fuzz.decoders import MOST_SECONDS
from qa.fuzz.target import Target

NAME = "broken"
SEED = 0
BAD_CASE = 3
ONCE_SLOW = 1
_toiled: list[int] = []


def make(rng: Random) -> Case:
    """Random bytes."""
    return Case(rng.randbytes(8), SMALL)


def _is_bad(case: Case) -> bool:
    return case == _case(BAD_CASE)


def _case(number: int) -> Case:
    return Target(NAME, make, take, content).case(SEED, number)


def content(_: Case) -> str | None:
    """Nothing is wrong."""
    return None


def refuse(_: Case) -> object:
    """What a decoder may do."""
    raise MalformedPayload("no")


def take(case: Case) -> object:
    """What a decoder may do, too."""
    return case.body


def fail(case: Case) -> object:
    """One case raises what is no refusal."""
    if _is_bad(case):
        raise LookupError("nobody expects this")
    return case.body


def warn(case: Case) -> object:
    """One case writes a line into the log."""
    if _is_bad(case):
        warnings.warn("strange", SyntaxWarning, stacklevel=1)
    return case.body


def die(case: Case) -> object:
    """One case takes the process along."""
    if _is_bad(case):
        os._exit(17)
    return case.body


def toil(case: Case) -> object:
    """One case takes long every time, and one only once."""
    number = int(_is_bad(case)) or 2 * int(case == _case(ONCE_SLOW))
    if number == 1 or (number == 2 and not _toiled):
        _toiled.append(number)
        until = time.thread_time() + 2 * MOST_SECONDS
        while time.thread_time() < until:
            pass
    return case.body


def hang(case: Case) -> object:
    """One case never ends."""
    if _is_bad(case):
        time.sleep(600)
    return case.body


def complain(case: Case) -> str | None:
    """Something is wrong with one case."""
    return "not what it should be" if _is_bad(case) else None


def stumble(case: Case) -> str | None:
    """The oracle raises on one case."""
    if _is_bad(case):
        raise ZeroDivisionError("by zero")
    return None
