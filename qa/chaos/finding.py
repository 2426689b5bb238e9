"""The result of a fault: load, injected faults, outcomes of requests, and promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qa.chaos.request_log import RequestLog, Tally


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise that must hold under a fault.

    Attributes:
        text: the promise.
        held: whether it held.
        measured: the measured numbers.
    """

    text: str
    held: bool
    measured: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a fault.

    Attributes:
        fault: name of the fault, as for `--only`.
        load: description of the load.
        rate: requests per second that were sent.
        injected: the injected faults, with numbers.
        tally: outcomes of the requests; None if the fault did not run.
        promises: promises that had to hold.
        faults: descriptions of the first requests that failed.
        measured: more numbers, without a promise.
        not_run: why the fault did not run; empty if it did.
    """

    fault: str
    load: str
    rate: float
    injected: str
    tally: Tally | None
    promises: Sequence[Promise]
    faults: Sequence[str] = ()
    measured: Sequence[str] = ()
    not_run: str = ""

    @property
    def held(self) -> bool:
        """Whether the fault ran and all promises held."""
        return bool(self.promises) and not self.not_run and all(promise.held for promise in self.promises)


def not_run(fault: str, why: str) -> Finding:
    """The finding of a fault that did not run."""
    return Finding(fault, "", math.nan, "", None, (), not_run=why)


def aborted(fault: str, why: str) -> Finding:
    """The finding of a fault that ended with an error."""
    promise = Promise("the fault runs to its end", held=False, measured=why)
    return Finding(fault, "", math.nan, "", None, [promise])


def finding_from(
    fault: str,
    request_log: RequestLog,
    *,
    load: str,
    injected: str,
    promises: Sequence[Promise],
    measured: Sequence[str] = (),
) -> Finding:
    """The finding of a fault whose load has ended."""
    return Finding(
        fault,
        load,
        request_log.rate(),
        injected,
        request_log.tally(),
        promises,
        faults=tuple(request_log.faults()),
        measured=measured,
    )


def all_answered(tally: Tally, *, refusals: bool = False) -> Promise:
    """Every request got the correct response or, with `refusals`, was refused with 429, 503 or 504."""
    bad = tally.failed + tally.lost + tally.wrong + (0 if refusals else tally.refused)
    text = (
        "every request gets the correct response or is refused"
        if refusals
        else "every request gets the correct response"
    )
    return Promise(text, bad == 0 and tally.answered > 0, f"{tally.answered:,} of {tally.sent:,} answered")


def no_wrong_answer(tally: Tally) -> Promise:
    """No response belongs to another request or differs by more than the tolerance."""
    return Promise("no wrong response", tally.wrong == 0 and tally.answered > 0, f"{tally.wrong} wrong")
