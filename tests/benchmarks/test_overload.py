"""What is made of an overload, from made-up outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.peers.overload import evaluate
from benchmarks.peers.schedule import LOST, Outcome


def outcome(rows: list[tuple[float, float, float, int]]) -> Outcome:
    """Rows of intended, sent, finished, status."""
    intended, sent, finished, status = zip(*rows, strict=True)
    return Outcome(np.array(intended), np.array(sent), np.array(finished), np.array(status))


def test_answers_in_time_are_counted_where_they_finish() -> None:
    """Of four requests/s at a peak of 2/s: two answered, one refused, one lost."""
    rows = [(0.0, 0.0, 0.01, 200)]
    rows += [(1.0, 1.0, 1.2, 200), (1.25, 1.25, 1.9, 200), (1.5, 1.5, 1.51, 429), (1.75, 1.75, 1.76, LOST)]
    rows += [(2.0, 2.0, 2.3, 200), (2.4, 2.4, 2.41, 200)]
    found = evaluate(outcome(rows), peak=2, start=1.0, end=2.0)
    assert found["offered"] == 2.0
    assert found["answered"] == 1.0
    assert found["lost"] == 1
    assert found["refused"] == 1
    assert found["refused_p99_ms"] == pytest.approx(10)
    assert found["answered_p50_ms"] == pytest.approx(425)


def test_recovery_ends_with_the_last_slow_answer() -> None:
    """Measured from the overload's end to when that request was due; none is no time."""
    calm = [(0.0, 0.0, 0.01, 200), (1.0, 1.0, 1.01, 200)]
    assert evaluate(outcome([*calm, (2.5, 2.5, 2.51, 200)]), peak=1, start=1, end=2)["recovery_s"] == 0
    late = [(2.2, 2.2, 2.9, 200), (2.6, 2.6, 2.61, 503), (3.0, 3.0, 3.01, 200)]
    assert evaluate(outcome([*calm, *late]), peak=1, start=1, end=2)["recovery_s"] == pytest.approx(0.6)


def test_an_answer_that_comes_too_late_is_none() -> None:
    """Whoever asked has given up."""
    rows = [(1.0, 1.0, 3.5, 200), (1.5, 1.5, 1.6, 200)]
    assert evaluate(outcome(rows), peak=1, start=1, end=4)["answered"] == pytest.approx(1 / 3)
