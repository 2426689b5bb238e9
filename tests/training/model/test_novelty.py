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


def test_what_is_known_is_near_and_of_unit_size() -> None:
    """The mean squared coordinate of the training spectra is about 1, its half logarithm about 0."""
    known = _known()
    scores = fit_novelty(known).score(known)
    assert scores.shape == (400,)
    assert abs(float(np.exp(2 * scores).mean()) - 1) < 0.2


def test_distance_counts_in_units_of_what_varies() -> None:
    """A step that is small where much varies is large where little does, or where two bins agree always."""
    novelty = fit_novelty(_known())
    centre = np.full((1, 6), 3, np.float32)
    step = np.eye(6, dtype=np.float32)
    wide, narrow, against = (float(novelty.score(centre + step[[i]])[0]) for i in (0, 2, 5))
    assert wide < narrow < against


def test_bins_in_which_nothing_varies_are_no_trouble() -> None:
    """Constant bins, or fewer series than bins, give finite scores."""
    known = np.zeros((3, 6), np.float32)
    known[:, 0] = [1, 2, 3]
    novelty = fit_novelty(known)
    assert np.isfinite(novelty.score(known)).all()
    assert np.isfinite(novelty.score(known.mean(axis=0, keepdims=True))).all()
    assert (novelty.score(known + 100) > novelty.score(known).max()).all()
