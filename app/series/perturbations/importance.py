"""How much of a class a model sees in a series, on a scale that does not saturate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The smallest probability that is told from 0.
_LEAST = 1e-30


def log_odds(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The logarithm of each target's probability over the sum of the other classes' probabilities.

    The sum of the others keeps its digits where 1 minus the target's probability has none left.

    Args:
        probabilities: `float32[n, classes]`.
        targets: `int64[n]`, index of a class.
    """
    others = probabilities.astype(np.float64)
    rows = np.arange(len(others))
    target = others[rows, targets]
    others[rows, targets] = 0.0
    odds: NDArray[np.float64] = np.log(np.maximum(target, _LEAST)) - np.log(
        np.maximum(others.sum(axis=1), _LEAST)
    )
    return odds
