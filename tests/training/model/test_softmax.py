"""From logits to probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from training.model.softmax import softmax


def test_probabilities_are_those_of_the_formula() -> None:
    """Each is the exponential's share, whatever is added to all logits of a series."""
    logits = np.array([[0.0, np.log(3)], [1000.0, 1000.0 + np.log(3)]])
    assert softmax(logits) == pytest.approx(np.array([[0.25, 0.75], [0.25, 0.75]]))
    assert softmax(logits.astype(np.float32)).dtype == np.float32


def test_extreme_logits_stay_finite() -> None:
    """The largest logit never overflows; the others vanish."""
    np.testing.assert_array_equal(softmax(np.array([[-1e30, 0.0, 1e30]], np.float32)), [[0, 0, 1]])
