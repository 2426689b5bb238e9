"""Whether only those suffered who were connected to a worker that was killed."""

from __future__ import annotations

import pytest

from qa.chaos.faults.signalled_workers import SignalledWorker, only_its_requests_fail, others_are_served
from qa.chaos.oracle import Outcome, Verdict
from qa.chaos.request_log import RequestLog

VICTIM = SignalledWorker(moment=10.0, ports=frozenset({1, 2}), recovered_after=3.0)


def ledger_of(*requests: tuple[int, float, float, str]) -> RequestLog:
    """A request_log of requests: port, sent, ended, outcome."""
    request_log = RequestLog()
    for port, sent, ended, outcome in requests:
        entry = request_log.add("a", port)
        request_log.finish(entry, Verdict(Outcome(outcome)))
        entry.sent, entry.ended = sent, ended
    return request_log


def test_who_was_connected_may_lose_what_was_in_flight() -> None:
    """One request of each connection to the worker, and no matter how many were answered before."""
    request_log = ledger_of((1, 9.9, 10.1, "lost"), (2, 9.9, 10.1, "failed"), (3, 9.9, 10.1, "answered"))
    assert only_its_requests_fail(request_log, [VICTIM]).held


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ((3, 9.9, 10.1, "lost"), "connected to another worker"),
        ((0, 10.1, 10.2, "lost"), "found nobody who listens"),
        ((1, 9.0, 9.5, "lost"), "lost before the worker was killed"),
        ((3, 9.9, 10.1, "refused"), "refused by another worker"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anybody_else_may_not(request_: tuple[int, float, float, str], why: str) -> None:
    """A request that was lost in any other way breaks the promise."""
    promise = only_its_requests_fail(ledger_of((1, 9.9, 10.1, "lost"), request_), [VICTIM])
    assert not promise.held, why
    assert "1 elsewhere" in promise.measured


def test_no_client_loses_two_requests_with_one_worker() -> None:
    """A connection that has ended cannot lose another request."""
    request_log = ledger_of((1, 9.9, 10.1, "lost"), (1, 10.1, 10.2, "lost"))
    assert not only_its_requests_fail(request_log, [VICTIM]).held


def test_a_pause_for_all_or_for_one_is_seen() -> None:
    """The others go on only if answers keep coming, and none of them takes its time."""
    steady = [(3, 10 + i / 10, 10.05 + i / 10, "answered") for i in range(20)]
    assert others_are_served(ledger_of(*steady), [VICTIM], seconds=2).held
    assert not others_are_served(
        ledger_of(*steady[:2], (4, 12.9, 13.0, "answered")), [VICTIM], seconds=2
    ).held
    assert not others_are_served(ledger_of(*steady, (4, 10.1, 13.0, "answered")), [VICTIM], seconds=2).held
