"""Runs a decoder's cases in a separate process, which may hang or crash."""

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

# Allowed cost of a body: CPU seconds, in which the server's event loop is blocked, and additional memory.
# Both grow with the size of the body, and are a few times the cost of the most expensive valid bodies.
MOST_SECONDS, SECONDS_PER_BYTE = 0.05, 20e-9
MOST_BYTES, BYTES_PER_BYTE = 32_000_000, 20
_ATTEMPTS = 3  # the cheapest counts, since other work of the process may add to the cost
# The process counts as hung if no case ends in this time.
HANG_SECONDS = 60.0
_STARTING = -1


@dataclass(slots=True)
class Cost:
    """The most expensive cases so far.

    Attributes:
        seconds: highest CPU time of a case.
        slowest: number of that case.
        bytes: highest memory of a case.
        largest: number of that case.
        taken: number of accepted bodies.
    """

    seconds: float = 0.0
    slowest: int = 0
    bytes: int = 0
    largest: int = 0
    taken: int = 0

    def add(self, more: Cost) -> None:
        """Merge the cost of other cases."""
        self.taken += more.taken
        if more.seconds > self.seconds:
            self.seconds, self.slowest = more.seconds, more.slowest
        if more.bytes > self.bytes:
            self.bytes, self.largest = more.bytes, more.largest


def fuzz(target: Target, *, seed: int, cases: int, timeout: float = HANG_SECONDS) -> Outcome:
    """Run cases.

    Args:
        target: the decoder; its functions must be importable by another process.
        seed: seed of all cases.
        cases: number of cases.
        timeout: seconds for a case, after which the process counts as hung.
    """
    outcome = Outcome(target.name)
    started = time.perf_counter()
    cost = Cost()
    while outcome.cases < cases:
        outcome.cases = _attempt(target, seed, range(outcome.cases, cases), timeout, outcome.findings, cost)
    outcome.seconds = time.perf_counter() - started
    outcome.measured = (
        f"{cost.taken:,} accepted; slowest {cost.seconds * 1e3:.0f} ms ({target.name}/{cost.slowest}), "
        f"memory +{cost.bytes / 1e6:.0f} MB ({target.name}/{cost.largest})"
    )
    return outcome


def try_case(target: Target, seed: int, number: int, cost: Cost | None = None) -> str | None:
    """Run and check one case; return its violation, or None.

    Args:
        target: the decoder.
        seed: seed of all cases.
        number: number of the case.
        cost: updated with the cost of the case.
    """
    case = target.case(seed, number)
    paid = Cost(slowest=number, largest=number)
    violation = _call(target, case, paid)
    if violation is None and too_expensive(case, paid):
        violation = _repeat(target, case, paid)
    if cost is not None:
        cost.add(paid)
    if violation is not None:
        return violation
    try:
        return target.check(case)
    except Exception as error:  # noqa: BLE001 - any exception is a finding
        return f"{type(error).__name__}: {error}"


def too_expensive(case: Case, paid: Cost) -> str | None:
    """The violation if a case took too much CPU time or memory."""
    size = len(case.body)
    if paid.seconds > MOST_SECONDS + SECONDS_PER_BYTE * size:
        return f"{size:,} bytes took {paid.seconds:.2f} s of CPU time"
    if paid.bytes > MOST_BYTES + BYTES_PER_BYTE * size:
        return f"{size:,} bytes took {paid.bytes / 1e6:.0f} MB"
    return None


def _repeat(target: Target, case: Case, paid: Cost) -> str | None:
    for _ in range(_ATTEMPTS - 1):
        again = Cost()
        _call(target, case, again)
        paid.seconds, paid.bytes = min(paid.seconds, again.seconds), min(paid.bytes, again.bytes)
    return too_expensive(case, paid)


def _call(target: Target, case: Case, paid: Cost) -> str | None:
    with PeakMemory() as peak:
        started = time.thread_time()
        try:
            target.call(case)
            paid.taken = 1
        except PayloadError:
            pass
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            return f"raised {type(error).__name__}: {error}"
        finally:
            paid.seconds = time.thread_time() - started
    paid.bytes = peak.grown
    return None


def _attempt(
    target: Target, seed: int, numbers: range, timeout: float, findings: list[Finding], cost: Cost
) -> int:
    """Run cases until one crashes or hangs the process, or all are done; return the next number."""
    context = multiprocessing.get_context("spawn")
    at: Synchronized[int] = context.Value("q", _STARTING)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(target, seed, numbers, at, theirs), daemon=True)
    process.start()
    theirs.close()
    seen = _STARTING
    try:
        while True:
            if ours.poll(timeout):
                message = ours.recv()
                if isinstance(message, Cost):
                    cost.add(message)
                    return numbers.stop
                findings.append(Finding(*message))
            elif at.value == seen != _STARTING:
                findings.append(Finding(f"{target.name}/{seen}", f"no result within {timeout:g} s"))
                return seen + 1
            seen = at.value
    except EOFError:
        process.join()
        number = max(at.value, numbers.start)
        findings.append(
            Finding(f"{target.name}/{number}", f"the process exited with code {process.exitcode}")
        )
        return number + 1
    finally:
        process.kill()
        process.join()
        ours.close()


def _work(target: Target, seed: int, numbers: range, at: Synchronized[int], pipe: Connection) -> None:
    warnings.simplefilter("error")  # a client could fill the server's log with warnings
    cost = Cost()
    for number in numbers:
        at.value = number
        violation = try_case(target, seed, number, cost)
        if violation is not None:
            pipe.send((f"{target.name}/{number}", violation))
    pipe.send(cost)
