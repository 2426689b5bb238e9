"""One outcome a request, and sums that add up."""

from __future__ import annotations

import pytest

from qa.chaos.oracle import Outcome, Verdict
from qa.chaos.request_log import RequestLog, Tally


def test_a_request_has_one_outcome() -> None:
    """A second one is an error of the client, not a count."""
    request_log = RequestLog()
    entry = request_log.add("a", port=1)
    request_log.finish(entry, Verdict(Outcome.ANSWERED))
    with pytest.raises(ValueError, match="second outcome"):
        request_log.finish(entry, Verdict(Outcome.LOST))


def test_a_request_without_an_outcome_is_missed() -> None:
    """There is no tally while something that was sent has no outcome."""
    request_log = RequestLog()
    request_log.finish(request_log.add("a", port=1), Verdict(Outcome.WRONG, "x"))
    request_log.add("b", port=2)
    with pytest.raises(ValueError, match="2 requests were sent"):
        request_log.tally()


def test_outcomes_are_counted_and_printed() -> None:
    """Each outcome has its count, and those that are no answers their words."""
    request_log = RequestLog()
    for outcome in Outcome:
        request_log.finish(
            request_log.add("JSON, 1", port=1), Verdict(outcome, "why"), served_by=outcome.value
        )
    assert request_log.tally() == Tally(5, 1, 1, 1, 1, 1)
    assert request_log.faults() == [f"JSON, 1, {name}: why" for name in ("failed", "lost", "wrong")]
    assert request_log.correct_responses() == request_log.correct_responses(of="answered") == 1
    assert request_log.correct_responses(of="lost") == 0


def test_the_longest_gap_counts_right_answers_alone() -> None:
    """From the start of a span to its end, refusals and failures fill no gap."""
    request_log = RequestLog()
    for ended, outcome in ((1.0, "answered"), (2.0, "refused"), (5.0, "answered"), (6.5, "failed")):
        entry = request_log.add("a", port=1)
        request_log.finish(entry, Verdict(Outcome(outcome)))
        entry.ended = ended
    assert request_log.longest_gap(0.0, 7.0) == 4.0
    assert request_log.longest_gap(0.0, 20.0) == 15.0
