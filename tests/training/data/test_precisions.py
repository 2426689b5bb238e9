"""The precisions in which training series come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.config import TrainingConfig
from training.data.precisions import FINE, NOISY, ROUNDED, STEP, WIDE_NOISE, make_precisions

SERIES = np.random.default_rng(0).standard_normal((40, 64))

Tiny = Callable[..., TrainingConfig]


def _decimals(series: np.ndarray) -> np.ndarray:
    """Which series lie on a lattice of two decimals, wherever it begins."""
    steps = (series - series[:, :1]) / STEP
    return np.asarray(np.abs(steps - np.round(steps)).max(axis=-1) < 1e-6)


def test_every_precision_has_its_share(tiny: Tiny) -> None:
    """Shares are the configured ones and sum to 1; a precision with share 0 is left out."""
    shares = {
        precision.name: precision.share
        for precision in make_precisions(SERIES, tiny(rounding=0.3, noise=0.2))
    }
    assert list(shares) == [FINE, ROUNDED, NOISY]
    assert sum(shares.values()) == 1
    assert shares[ROUNDED] == 0.3
    assert shares[NOISY] == 0.2
    assert [precision.name for precision in make_precisions(SERIES, tiny(rounding=0.0, noise=0.0))] == [FINE]


def test_copies_have_their_precision(tiny: Tiny) -> None:
    """Fine copies are as stored and to 3 decimals; rounded ones lie on a lattice of 2, within half a step."""
    fine, rounded, _ = make_precisions(SERIES, tiny())
    np.testing.assert_array_equal(fine.copies[0], SERIES)
    np.testing.assert_array_equal(fine.copies[1], np.round(SERIES, 3))
    np.testing.assert_array_equal(rounded.copies[0], np.round(SERIES, 2))
    for copy in rounded.copies:
        assert _decimals(copy).all()
        assert np.abs(copy - SERIES).max() <= STEP / 2 + 1e-9
    assert len({copy.tobytes() for copy in rounded.copies}) == len(rounded.copies)


def test_noise_has_the_stated_size_and_is_rounded_half_of_the_time(tiny: Tiny) -> None:
    """The deviation of the noise is in the stated range; every second copy has two decimals."""
    *_, noisy = make_precisions(SERIES, tiny())
    deviations = (noisy.copies - SERIES).std(axis=2)
    assert deviations.min() > WIDE_NOISE[0] * 0.6
    assert deviations.max() < WIDE_NOISE[1] * 1.4
    assert [bool(_decimals(copy).all()) for copy in noisy.copies] == [False, True] * (len(noisy.copies) // 2)


def test_the_seed_decides_the_copies(tiny: Tiny) -> None:
    """The same seed gives the same copies; another seed gives others."""
    first, again, other = (
        np.concatenate([precision.copies for precision in make_precisions(SERIES, tiny(seed=seed))])
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
