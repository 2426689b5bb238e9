"""`app.series.power_shares`: where the power of a series is."""

from __future__ import annotations

import numpy as np
import pytest

from app.series.power_shares import band_count, power_shares


def test_a_sine_is_in_its_band_whatever_its_offset_and_scale() -> None:
    """Ten cycles of 64 steps are a frequency of 0.156, in the 10th of 32 bands."""
    sine = np.sin(2 * np.pi * 10 * np.arange(64) / 64)
    shares = power_shares(np.stack([sine, 1000 + 0.01 * sine]), 32)
    assert shares.argmax(axis=1).tolist() == [9, 9]
    assert shares.sum(axis=1) == pytest.approx(1)
    assert shares.max(axis=1) == pytest.approx(1)


def test_white_noise_is_in_all_bands() -> None:
    """About evenly, for any length."""
    noise = np.random.default_rng(1).standard_normal((4000, 50))
    assert power_shares(noise, band_count(50)).mean(axis=0) == pytest.approx(1 / 25, rel=0.1)


def test_a_constant_has_no_frequency() -> None:
    """The mean stays a distribution."""
    assert power_shares(np.ones((1, 20)), 10).tolist() == [[0.1] * 10]


def test_channels_count_alike() -> None:
    """Whatever their units."""
    random = np.random.default_rng(2)
    one, other = random.standard_normal((2, 5, 40))
    both = power_shares(np.stack([one, 100 * other], axis=2), 20)
    assert both == pytest.approx((power_shares(one, 20) + power_shares(other, 20)) / 2)


@pytest.mark.parametrize(("length", "bands"), [(1, 0), (2, 1), (63, 31), (500, 32)])
def test_a_short_series_has_few_bands(length: int, bands: int) -> None:
    """At most one for each frequency."""
    assert band_count(length) == bands
