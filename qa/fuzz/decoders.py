"""Runs a decoder's cases in a process of its own, which may hang or crash without taking this one along."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

from app.errors import PayloadError
from qa.fuzz.cases import Case
from qa.fuzz.report import Finding, Outcome
from qa.fuzz.target import Target
from qa.harness.proc import PeakMemory

# What a body may cost: seconds of a processor, all in which the server answers nobody else, and memory beyond
# what the process had before. Both grow with its size, and are some times what the dearest ones cost.
MOST_SECONDS, SECONDS_PER_BYTE = 0.05, 20e-9
MOST_BYTES, BYTES_PER_BYTE = 32_000_000, 20
_ATTEMPTS = 3  # of which the cheapest counts: what else happens in a process is no fault of the body's
# Without a case ended for so long, the process hangs.
PATIENCE_SECONDS = 60.0
_STARTING = -1


@dataclass(slots=True)
class Cost:
    """The dearest cases so far, and how many were taken.

    Attributes:
        seconds: of a processor, the most that one case took.
        slowest: its number.
        bytes: the most memory that one case took.
        largest: its number.
        taken: bodies that were read.
    """

    seconds: float = 0.0
    slowest: int = 0
    bytes: int = 0
    largest: int = 0
    taken: int = 0

    def add(self, more: Cost) -> None:
        """Take other cases into account."""
        self.taken += more.taken
        if more.seconds > self.seconds:
            self.seconds, self.slowest = more.seconds, more.slowest
        if more.bytes > self.bytes:
            self.bytes, self.largest = more.bytes, more.largest


def fuzz(target: Target, *, seed: int, cases: int, patience: float = PATIENCE_SECONDS) -> Outcome:
    """Try so many cases.

    Args:
        target: the decoder; of functions that another process can import.
        seed: of all cases.
        cases: how many.
        patience: seconds that one may take before the process counts as hung.
    """
    outcome = Outcome(target.name)
    started = time.perf_counter()
    cost = Cost()
    while outcome.cases < cases:
        outcome.cases = _attempt(target, seed, range(outcome.cases, cases), patience, outcome.findings, cost)
    outcome.seconds = time.perf_counter() - started
    outcome.measured = (
        f"{cost.taken:,} read; slowest {cost.seconds * 1e3:.0f} ms ({target.name}/{cost.slowest}), "
        f"memory +{cost.bytes / 1e6:.0f} MB ({target.name}/{cost.largest})"
    )
    return outcome


def try_case(target: Target, seed: int, number: int, cost: Cost | None = None) -> str | None:
    """Judge one case; the complaint, if there is one.

    Args:
        target: the decoder.
        seed: of all cases.
        number: of this one.
        cost: is kept up to date.
    """
    case = target.case(seed, number)
    paid = Cost(slowest=number, largest=number)
    complaint = _call(target, case, paid)
    if complaint is None and too_dear(case, paid):
        complaint = _dear(target, case, paid)
    if cost is not None:
        cost.add(paid)
    if complaint is not None:
        return complaint
    try:
        return target.judge(case)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {error}"


def too_dear(case: Case, paid: Cost) -> str | None:
    """The complaint about what a case took, if it was too much."""
    size = len(case.body)
    if paid.seconds > MOST_SECONDS + SECONDS_PER_BYTE * size:
        return f"{size:,} bytes took {paid.seconds:.2f} s of a processor"
    if paid.bytes > MOST_BYTES + BYTES_PER_BYTE * size:
        return f"{size:,} bytes took {paid.bytes / 1e6:.0f} MB"
    return None


def _dear(target: Target, case: Case, paid: Cost) -> str | None:
    for _ in range(_ATTEMPTS - 1):
        again = Cost()
        _call(target, case, again)
        paid.seconds, paid.bytes = min(paid.seconds, again.seconds), min(paid.bytes, again.bytes)
    return too_dear(case, paid)


def _call(target: Target, case: Case, paid: Cost) -> str | None:
    with PeakMemory() as peak:
        started = time.thread_time()
        try:
            target.call(case)
            paid.taken = 1
        except PayloadError:
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return f"raised {type(error).__name__}: {error}"
        finally:
            paid.seconds = time.thread_time() - started
    paid.bytes = peak.grown
    return None


def _attempt(
    target: Target, seed: int, numbers: range, patience: float, findings: list[Finding], cost: Cost
) -> int:
    """Try cases until one takes the process along, or all are done; the number to go on with."""
    context = multiprocessing.get_context("spawn")
    at: Synchronized[int] = context.Value("q", _STARTING)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(target, seed, numbers, at, theirs), daemon=True)
    process.start()
    theirs.close()
    seen = _STARTING
    try:
        while True:
            if ours.poll(patience):
                message = ours.recv()
                if isinstance(message, Cost):
                    cost.add(message)
                    return numbers.stop
                findings.append(Finding(*message))
            elif at.value == seen != _STARTING:
                findings.append(Finding(f"{target.name}/{seen}", f"no end after {patience:g} s"))
                return seen + 1
            seen = at.value
    except EOFError:
        process.join()
        number = max(at.value, numbers.start)
        findings.append(Finding(f"{target.name}/{number}", f"the process ended with {process.exitcode}"))
        return number + 1
    finally:
        process.kill()
        process.join()
        ours.close()


def _work(target: Target, seed: int, numbers: range, at: Synchronized[int], pipe: Connection) -> None:
    warnings.simplefilter("error")  # a line in the server's log that a caller can have written at will
    cost = Cost()
    for number in numbers:
        at.value = number
        complaint = try_case(target, seed, number, cost)
        if complaint is not None:
            pipe.send((f"{target.name}/{number}", complaint))
    pipe.send(cost)
