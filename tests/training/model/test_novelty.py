"""How unlike the training data a series is."""

from __future__ import annotations

import numpy as np

from training.model.novelty import fit_novelty

RANDOM = np.random.default_rng(0)
SPREAD = np.array([5.0, 1.0, 0.2, 0.2, 0.2, 0.2], np.float32)


def _known(count: int = 400) -> np.ndarray:
    known = RANDOM.standard_normal((count, 6)) * SPREAD
    known[:, 5] = known[:, 4]  # two bins that always agree
    return (known + 3).astype(np.float32)


def test_training_spectra_have_unit_distance() -> None:
    """The mean squared coordinate of the training spectra is about 1, its half logarithm about 0."""
    known = _known()
    scores = fit_novelty(known).score(known)
    assert scores.shape == (400,)
    assert abs(float(np.exp(2 * scores).mean()) - 1) < 0.2


def test_distance_is_relative_to_the_variance() -> None:
    """The same step is a larger distance in a bin with low variance, or against a correlation."""
    novelty = fit_novelty(_known())
    centre = np.full((1, 6), 3, np.float32)
    step = np.eye(6, dtype=np.float32)
    wide, narrow, against = (float(novelty.score(centre + step[[i]])[0]) for i in (0, 2, 5))
    assert wide < narrow < against


def test_constant_bins_give_finite_scores() -> None:
    """Constant bins, or fewer series than bins, give finite scores."""
    known = np.zeros((3, 6), np.float32)
    known[:, 0] = [1, 2, 3]
    novelty = fit_novelty(known)
    assert np.isfinite(novelty.score(known)).all()
    assert np.isfinite(novelty.score(known.mean(axis=0, keepdims=True))).all()
    assert (novelty.score(known + 100) > novelty.score(known).max()).all()
