"""When requests are due, and what is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.peers.schedule import (
    LOST,
    Outcome,
    Phase,
    intended_times,
    poisson_schedule,
    read_outcome,
    read_schedule,
)


def outcome() -> Outcome:
    """Three requests: answered, refused, lost."""
    return Outcome(
        intended=np.array([0.0, 1.0, 2.0]),
        sent=np.array([0.1, 1.0, np.nan]),
        finished=np.array([0.3, 1.5, np.nan]),
        status=np.array([200, 429, LOST]),
    )


def test_phases_follow_each_other_evenly_spaced() -> None:
    """Each rate for its time, without a gap where they meet."""
    times = intended_times([Phase(10, 1), Phase(100, 0.5)])
    assert len(times) == 60
    np.testing.assert_allclose(np.diff(times[:11]), 0.1)
    np.testing.assert_allclose(np.diff(times[10:]), 0.01)


def test_latency_counts_from_when_a_request_was_due() -> None:
    """That it was sent late is part of it."""
    assert outcome().latency[0] == 0.3


def test_a_stretch_of_time_has_the_requests_due_in_it() -> None:
    """Its start belongs to it, its end does not."""
    part = outcome().between(0.0, 2.0)
    assert part.status.tolist() == [200, 429]
    assert part.answered.tolist() == [True, False]


def test_outcomes_survive_a_file(tmp_path: Path) -> None:
    """The client writes what the harness reads."""
    outcome().save(tmp_path / "outcome.npz")
    np.testing.assert_array_equal(read_outcome(tmp_path / "outcome.npz").sent, outcome().sent)


def test_random_arrivals_have_the_rate_and_the_shares() -> None:
    """Their gaps are those of a Poisson process: as long on average as their standard deviation."""
    schedule = poisson_schedule(1000.0, 20.0, shares=(0.9, 0.1), seed=1)
    gaps = np.diff(schedule.times)
    assert len(schedule.times) == 20_000
    assert np.all(gaps >= 0)
    assert schedule.times[-1] < 20.0
    np.testing.assert_allclose(gaps.std(), gaps.mean(), rtol=0.05)
    np.testing.assert_allclose(np.mean(schedule.kinds == 1), 0.1, atol=0.01)


def test_equal_seeds_give_equal_schedules(tmp_path: Path) -> None:
    """So that two servers get the same requests at the same times; also through a file."""
    first = poisson_schedule(100.0, 1.0, shares=(0.5, 0.5), seed=3)
    poisson_schedule(100.0, 1.0, shares=(0.5, 0.5), seed=3).save(tmp_path / "schedule.npz")
    second = read_schedule(tmp_path / "schedule.npz")
    np.testing.assert_array_equal(first.times, second.times)
    np.testing.assert_array_equal(first.kinds, second.kinds)
    assert not np.array_equal(first.times, poisson_schedule(100.0, 1.0, seed=4).times)
