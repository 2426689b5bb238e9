"""`qa.fuzz.decoders`: whatever a case does to its process, it is found, and the others are tried too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qa.fuzz.cases import SMALL, Case
from qa.fuzz.decoders import MOST_BYTES, MOST_SECONDS, Cost, fuzz, too_expensive, try_case
from qa.fuzz.report import Finding
from qa.fuzz.target import Target
from tests.qa.fuzz import broken

CASES = 8


def target(
    call: Callable[[Case], object] = broken.take, check: Callable[[Case], str | None] = broken.content
) -> Target:
    """A target of random bytes."""
    return Target(broken.NAME, broken.make, call, check)


def findings(of: Target) -> list[Finding]:
    """What is found, in its own process; all cases were tried."""
    outcome = fuzz(of, seed=broken.SEED, cases=CASES, timeout=60)
    assert outcome.cases == CASES
    return outcome.findings


@pytest.mark.parametrize(
    ("of", "violation"),
    [
        (target(broken.fail), "raised LookupError: nobody expects this"),
        (target(broken.warn), "raised SyntaxWarning: strange"),
        (target(check=broken.complain), "not what it should be"),
        (target(check=broken.stumble), "ZeroDivisionError: by zero"),
        (target(broken.die), "the process exited with code 17"),
    ],
    ids=["raises", "warns", "is checked", "raises in the oracle", "dies"],
)
def test_a_bad_case_is_found(of: Target, violation: str) -> None:
    """One finding, with the case's number, whatever way it goes wrong."""
    assert findings(of) == [Finding(f"broken/{broken.BAD_CASE}", violation)]


def test_a_case_without_an_end_is_found() -> None:
    """A process that hangs is ended, and the cases after that one are tried."""
    outcome = fuzz(target(broken.hang), seed=broken.SEED, cases=CASES, timeout=1.0)
    assert outcome.findings == [Finding(f"broken/{broken.BAD_CASE}", "no result within 1 s")]
    assert outcome.cases == CASES


@pytest.mark.parametrize(("call", "read"), [(broken.take, CASES), (broken.refuse, 0)])
def test_nothing_is_found_where_nothing_is_wrong(call: Callable[[Case], object], read: int) -> None:
    """To take a body and to refuse it are both right; how many were taken is told."""
    outcome = fuzz(target(call), seed=broken.SEED, cases=CASES)
    assert outcome.findings == []
    assert outcome.measured.startswith(f"{read} accepted; ")


@pytest.mark.parametrize(
    ("paid", "violation"),
    [
        (Cost(seconds=MOST_SECONDS, bytes=MOST_BYTES), None),  # and a little more, for five bytes
        (Cost(seconds=MOST_SECONDS + 1), f"5 bytes took {MOST_SECONDS + 1:.2f} s of CPU time"),
        (Cost(bytes=2 * MOST_BYTES), f"5 bytes took {2 * MOST_BYTES / 1e6:.0f} MB"),
    ],
)
def test_too_much_time_or_memory_is_a_complaint(paid: Cost, violation: str | None) -> None:
    """Each has its limit."""
    assert too_expensive(Case(b"12345", SMALL), paid) == violation


def test_a_case_is_dear_if_it_is_so_every_time() -> None:
    """What takes long once may have been in the way of something else."""
    (finding,) = findings(target(broken.toil))
    assert finding.case == f"broken/{broken.BAD_CASE}"
    assert finding.violation.startswith("8 bytes took 0.1")


def test_the_dearest_cases_are_remembered() -> None:
    """The most time and the most memory, each with its own case."""
    cost = Cost()
    for paid in (Cost(1.0, 7, 10, 7, 1), Cost(2.0, 8, 5, 8, 1), Cost(0.5, 9, 20, 9, 0)):
        cost.add(paid)
    assert cost == Cost(seconds=2.0, slowest=8, bytes=20, largest=9, taken=2)


def test_a_case_is_the_same_every_time() -> None:
    """A finding's number makes its case again, and other numbers and seeds make others."""
    cases = [target().case(seed, number) for seed, number in ((0, 1), (0, 1), (0, 2), (1, 1))]
    assert cases[0] == cases[1]
    assert len({case.body for case in cases}) == 3
    assert try_case(target(check=broken.complain), broken.SEED, broken.BAD_CASE) == "not what it should be"
