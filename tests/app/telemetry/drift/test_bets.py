"""`app.telemetry.drift.bets`: fair against every distribution that the reference allows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from app.telemetry.drift.bets import MAX_LABELS, STATISTICS, make_bets, upper_bound
from tests.support.drift import reference_of, usual_series


@pytest.mark.parametrize(("inside", "series"), [(0, 50), (3, 50), (25, 50), (49, 50), (180, 3601)])
def test_a_bound_is_missed_at_most_as_often_as_it_says(inside: int, series: int) -> None:
    """Were the probability as high as the bound, so few series in the set would be that rare."""
    rate = 1e-3
    bound = upper_bound(inside, series, log_inverse_rate=-math.log(rate))
    assert inside / series < bound < 1
    assert binom.cdf(inside, series, bound) <= rate * 1.001


def test_a_bound_narrows_with_the_sample() -> None:
    """Like one over the square root of its size."""
    widths = [upper_bound(n / 2, n, log_inverse_rate=7.0) - 0.5 for n in (1000, 4000)]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.05)


def test_no_bet_gains_from_the_reference_itself() -> None:
    """The expected factor of each bet is below 1, by the width of the bound."""
    reference = reference_of(usual_series(500, 1))
    bets = make_bets(reference, miss_rate=0.005)
    [view] = reference.views
    shares = np.concatenate([getattr(view, name) for name in STATISTICS]) / view.series
    inside = bets.sets @ shares
    factors = inside[:, np.newaxis] * np.exp(bets.win) + (1 - inside)[:, np.newaxis] * np.exp(bets.lose)
    assert (factors < 1).all()


def test_a_bound_holds_for_the_worst_view() -> None:
    """A mix of views has no larger share of any set than one of them has."""
    one, other = (reference_of(usual_series(500, 1, novelty=(-2, high))) for high in (2, 0))
    both = one.model_copy(update={"views": (*one.views, *other.views)})
    odds = [np.exp(-make_bets(each, miss_rate=0.005).win[:, 0]) for each in (one, both)]
    assert (odds[0] < odds[1] * 1.02).all()


def test_of_many_labels_the_frequent_ones_get_bets() -> None:
    """More bets make each bound wider."""
    reference = reference_of(usual_series(500, 1))
    counts = (10, *[5] * 40, 290)
    view = reference.views[0].model_copy(update={"labels": counts, "series": 500})
    bets = make_bets(reference.model_copy(update={"views": (view,)}), miss_rate=0.005)
    assert np.count_nonzero(bets.statistic == STATISTICS.index("labels")) == 2 * MAX_LABELS
