"""One outcome a request, and sums that add up."""

from __future__ import annotations

import pytest

from qa.chaos.judge import Outcome, Verdict
from qa.chaos.ledger import Ledger, Tally


def test_a_request_has_one_outcome() -> None:
    """A second one is an error of the client, not a count."""
    ledger = Ledger()
    entry = ledger.enter("a", port=1)
    ledger.close(entry, Verdict(Outcome.ANSWERED))
    with pytest.raises(ValueError, match="second outcome"):
        ledger.close(entry, Verdict(Outcome.LOST))


def test_a_request_without_an_outcome_is_missed() -> None:
    """There is no tally while something that was sent has no outcome."""
    ledger = Ledger()
    ledger.close(ledger.enter("a", port=1), Verdict(Outcome.WRONG, "x"))
    ledger.enter("b", port=2)
    with pytest.raises(ValueError, match="2 requests were sent"):
        ledger.tally()


def test_outcomes_are_counted_and_told() -> None:
    """Each outcome has its count, and those that are no answers their words."""
    ledger = Ledger()
    for outcome in Outcome:
        ledger.close(ledger.enter("JSON, 1", port=1), Verdict(outcome, "why"), served_by=outcome.value)
    assert ledger.tally() == Tally(5, 1, 1, 1, 1, 1)
    assert ledger.faults() == [f"JSON, 1, {name}: why" for name in ("failed", "lost", "wrong")]
    assert ledger.right_answers() == ledger.right_answers(of="answered") == 1
    assert ledger.right_answers(of="lost") == 0


def test_the_longest_gap_counts_right_answers_alone() -> None:
    """From the start of a span to its end, refusals and failures fill no gap."""
    ledger = Ledger()
    for ended, outcome in ((1.0, "answered"), (2.0, "refused"), (5.0, "answered"), (6.5, "failed")):
        entry = ledger.enter("a", port=1)
        ledger.close(entry, Verdict(Outcome(outcome)))
        entry.ended = ended
    assert ledger.longest_gap(0.0, 7.0) == 4.0
    assert ledger.longest_gap(0.0, 20.0) == 15.0
