"""What one fault showed: the load, what was injected, what became of the requests, and what held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qa.chaos.ledger import Ledger, Tally


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that must hold.

    Attributes:
        text: what.
        held: whether it did.
        measured: the numbers that say so.
    """

    text: str
    held: bool
    measured: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault.

    Attributes:
        fault: its name, as for `--only`.
        load: in words.
        rate: requests a second that were really sent.
        injected: what was done, with numbers.
        tally: of the requests; None if the fault was not tried.
        promises: what had to hold.
        faults: what was wrong with the first few requests that failed.
        measured: more numbers, that nothing is judged by.
        not_tried: why the fault was not tried; empty if it was.
    """

    fault: str
    load: str
    rate: float
    injected: str
    tally: Tally | None
    promises: Sequence[Promise]
    faults: Sequence[str] = ()
    measured: Sequence[str] = ()
    not_tried: str = ""

    @property
    def held(self) -> bool:
        """Whether all that must hold was seen to hold. What was not tried was not seen."""
        return bool(self.promises) and not self.not_tried and all(promise.held for promise in self.promises)


def not_tried(fault: str, why: str) -> Finding:
    """The finding of a fault that did not come about."""
    return Finding(fault, "", math.nan, "", None, (), not_tried=why)


def broken_off(fault: str, why: str) -> Finding:
    """The finding of a fault that could not be tried to its end."""
    promise = Promise("it can be tried to its end", held=False, measured=why)
    return Finding(fault, "", math.nan, "", None, [promise])


def of_ledger(
    fault: str,
    ledger: Ledger,
    *,
    load: str,
    injected: str,
    promises: Sequence[Promise],
    measured: Sequence[str] = (),
) -> Finding:
    """The finding of a fault under a load that has ended."""
    return Finding(
        fault,
        load,
        ledger.rate(),
        injected,
        ledger.tally(),
        promises,
        faults=tuple(ledger.faults()),
        measured=measured,
    )


def nothing_but_answers(tally: Tally, *, refusals: bool = False) -> Promise:
    """Every request is answered rightly; with `refusals`, or refused in order."""
    bad = tally.failed + tally.lost + tally.wrong + (0 if refusals else tally.refused)
    text = (
        "every request answered rightly or refused in order" if refusals else "every request answered rightly"
    )
    return Promise(text, bad == 0 and tally.answered > 0, f"{tally.answered:,} of {tally.sent:,} answered")


def no_wrong_answer(tally: Tally) -> Promise:
    """No answer is another's, or off by more than the contract allows."""
    return Promise("no wrong answer", tally.wrong == 0 and tally.answered > 0, f"{tally.wrong} wrong")
