"""`app.series.scores`, against sums done by hand and published formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.series.scores import BINS, accuracy, expected_calibration_error, interval, reliability


def _answers(confidences: list[float]) -> np.ndarray:
    second = np.array(confidences)
    return np.stack([1 - second, second], axis=1)


def test_the_error_is_the_mean_gap_weighed_by_series() -> None:
    """Three series at 0.9 of which two are right, and one at 0.6 that is wrong, add up their gaps."""
    error = expected_calibration_error(_answers([0.9, 0.9, 0.9, 0.6]), np.array([1, 1, 0, 0]))
    assert error == pytest.approx(3 / 4 * abs(0.9 - 2 / 3) + 1 / 4 * 0.6)


def test_probabilities_that_come_true_have_no_error() -> None:
    """Of ten series at 0.8 eight are right: nothing is missing."""
    assert expected_calibration_error(_answers([0.8] * 10), np.array([1] * 8 + [0] * 2)) == pytest.approx(0)


def test_gaps_within_a_bin_cancel_and_across_bins_do_not() -> None:
    """Over- and underconfidence at the same probability are one gap; at different ones they add up."""
    assert expected_calibration_error(_answers([0.7, 0.7]), np.array([1, 0])) == pytest.approx(0.2)
    assert expected_calibration_error(_answers([0.7, 0.9]), np.array([1, 0])) == pytest.approx(0.6)


def test_bins_are_of_equal_width_and_empty_ones_are_left_out() -> None:
    """A probability of 1 is in the last bin; one on a border is in the lower bin; shares sum to 1."""
    bins = reliability(_answers([1.0, 14 / BINS, 14 / BINS + 1e-6, 0.51]), np.ones(4, dtype=np.int64))
    assert bins.share.tolist() == [0.25, 0.25, 0.5]
    assert bins.confidence == pytest.approx([0.51, 14 / BINS, (1 + 14 / BINS) / 2], abs=1e-6)
    assert bins.accuracy.tolist() == [1, 1, 1]


def test_with_many_classes_the_winner_counts() -> None:
    """The probability is that of the most probable class, whichever it is."""
    bins = reliability(np.array([[0.2, 0.3, 0.5], [0.5, 0.3, 0.2]]), np.array([2, 1]))
    assert (bins.confidence.tolist(), bins.accuracy.tolist()) == ([0.5], [0.5])


def test_accuracy_is_the_share_of_true_winners() -> None:
    """Two of three."""
    assert accuracy(_answers([0.9, 0.2, 0.6]), np.array([1, 0, 0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("share", "count", "wanted"),
    [(0.5, 100, (0.4038, 0.5962)), (1.0, 10, (0.7225, 1.0)), (0.0, 10, (0.0, 0.2775))],
)
def test_intervals_are_wilsons(share: float, count: int, wanted: tuple[float, float]) -> None:
    """The 95 % interval is the published formula's, and stays between 0 and 1 at the ends."""
    assert interval(share, count) == pytest.approx(wanted, abs=1e-4)


@given(st.integers(1, 5000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_a_share_lies_in_its_interval(seen: tuple[int, int]) -> None:
    """Also at the ends, where rounding would put it beyond by the last bit."""
    right, count = seen
    low, high = interval(right / count, count)
    assert 0 <= low <= right / count <= high <= 1
