"""`benchmarks.drift`: the detectors and the streams that they see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.telemetry.drift.bets import make_bets
from benchmarks.drift.detectors import Detector, KolmogorovSmirnov, Martingale, StabilityIndex
from benchmarks.drift.pools import Pool
from benchmarks.drift.simulation import alarms, delays, drawn, resampled, shuffled
from tests.support.drift import cells_of, reference_of, usual_series

POOL = Pool(cells_of(usual_series(1000, 1)))
CHANGED = Pool(cells_of(usual_series(1000, 2, novelty=(0, 2.5))))
REFERENCE = reference_of(usual_series(2000, 3))


def test_a_shuffled_stream_has_each_series_once() -> None:
    """And only whole blocks."""
    blocks = list(shuffled(POOL, np.random.default_rng(1), block=300))
    assert [block[:6].sum() for block in blocks] == [300] * 3
    assert (np.sum(blocks, axis=0) <= POOL.cells.sum(axis=0)).all()


def test_drawn_series_have_the_shares_of_the_pool() -> None:
    """With replacement, so there is no end."""
    total = np.sum(list(drawn(POOL, np.random.default_rng(1), block=100, blocks=1500)), axis=0)
    assert total / 150_000 == pytest.approx(POOL.cells.mean(axis=0), abs=0.01)


def test_a_resampled_reference_differs_and_has_the_same_size() -> None:
    """It is drawn from the pool, not from the sealed sample."""
    fresh = resampled(REFERENCE, [POOL], np.random.default_rng(1))
    assert fresh.views[0].series == 2000
    assert fresh.views[0].ood_score != REFERENCE.views[0].ood_score


def test_each_detector_sees_a_change_and_the_alarm_is_raised_once() -> None:
    """Windows alarm again and again."""
    bets = make_bets(REFERENCE, miss_rate=0.005)
    makers: tuple[Callable[[np.random.Generator], Detector], ...] = (
        lambda _: Martingale(bets, rate=0.01),
        lambda _: KolmogorovSmirnov(REFERENCE),
        lambda _: StabilityIndex(REFERENCE),
    )
    for make in makers:
        found = delays(make, POOL, CHANGED, unchanged=1000, repeats=3, block=10, seed=1)
        assert (found <= 1000).all()
    random = np.random.default_rng(1)
    counts = [alarms(make(random), shuffled(CHANGED, random, block=200)) for make in makers]
    assert counts[0] == 1
    assert counts[1] > 1
