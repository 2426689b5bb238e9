"""`app.telemetry.drift.wealth`: the false-alarm rate, the delay, and long streams."""

from __future__ import annotations

import numpy as np
import pytest

from app.telemetry.drift.bets import Bets, make_bets
from app.telemetry.drift.wealth import Wealth, joint, threshold, unplaced
from tests.support.drift import cells_of, reference_of, usual_series

RATE = 0.2


def first_alarm(bets: Bets, blocks: np.ndarray, rate: float) -> int | None:
    """The block at which the alarm is raised."""
    wealth = Wealth.start(bets)
    for number, counts in enumerate(blocks):
        wealth.add(bets, counts)
        if joint(wealth.logarithms(bets)) >= threshold(rate):
            return number
    return None


def test_the_alarm_is_raised_no_more_often_than_its_rate() -> None:
    """With fresh references each time: small ones, that differ much from what they were drawn from."""
    population = cells_of(usual_series(20_000, 1))
    kinds, numbers = np.unique(population, axis=0, return_counts=True)
    random = np.random.default_rng(2)
    alarms, repeats = 0, 60
    for seed in range(repeats):
        bets = make_bets(reference_of(usual_series(200, 100 + seed)), miss_rate=RATE / 2)
        draws = random.multinomial(500, numbers / len(population), size=40).astype(float)
        alarms += first_alarm(bets, draws @ kinds, RATE) is not None
    assert alarms <= repeats * RATE


def test_without_a_wider_null_the_alarm_would_be_wrong() -> None:
    """The same with bounds that take the sample for the truth: this test can fail."""
    population = cells_of(usual_series(20_000, 1))
    kinds, numbers = np.unique(population, axis=0, return_counts=True)
    random = np.random.default_rng(2)
    alarms, repeats = 0, 20
    for seed in range(repeats):
        bets = make_bets(reference_of(usual_series(200, 100 + seed)), miss_rate=1e6)
        draws = random.multinomial(500, numbers / len(population), size=40).astype(float)
        alarms += first_alarm(bets, draws @ kinds, RATE) is not None
    assert alarms > repeats * RATE


@pytest.mark.parametrize("unchanged", [0, 100])
def test_a_change_is_seen_also_late(unchanged: int) -> None:
    """After 100,000 series as soon as at the start, up to a factor."""
    bets = make_bets(reference_of(usual_series(2000, 1)), miss_rate=0.005)
    before = [cells_of(usual_series(1000, seed)).sum(axis=0) for seed in range(unchanged)]
    after = [cells_of(usual_series(10, 1000 + seed, novelty=(0, 2))).sum(axis=0) for seed in range(50)]
    found = first_alarm(bets, np.array([*before, *after]), 0.01)
    assert found is not None
    assert unchanged <= found < unchanged + 20


def test_blocks_of_any_order_and_workers_give_the_same() -> None:
    """Within a block, only the numbers in the cells count."""
    bets = make_bets(reference_of(usual_series(500, 1)), miss_rate=0.005)
    cells = cells_of(usual_series(300, 3, novelty=(-1, 2)))
    one, other = Wealth.start(bets), Wealth.start(bets)
    one.add(bets, cells.sum(axis=0))
    other.add(bets, cells[::2][::-1].sum(axis=0) + cells[1::2].sum(axis=0))
    assert one.logarithms(bets) == pytest.approx(other.logarithms(bets), abs=1e-9)


def test_no_number_overflows() -> None:
    """In logarithms: after a billion series of one kind, for and against the reference."""
    bets = make_bets(reference_of(usual_series(500, 1)), miss_rate=0.005)
    for novelty in ((-2.0, 2.0), (3.0, 4.0)):
        wealth = Wealth.start(bets)
        counts = cells_of(usual_series(1000, 4, novelty=novelty)).sum(axis=0)
        for _ in range(10):
            wealth.add(bets, counts * 1e5)
        assert np.isfinite(wealth.logarithms(bets)).all()


def test_the_money_is_placed_bit_by_bit_and_never_more_than_there_is() -> None:
    """Half at once, and some is left after a billion series."""
    kept = [unplaced(series) for series in (0, 1, 1e3, 1e6, 1e9)]
    assert kept[0] == 0.5
    assert sorted(kept, reverse=True) == kept
    assert kept[-1] > 0
