"""`training.data.normalise`: series in units in which decimals mean the same for all."""

from __future__ import annotations

import numpy as np

from training.data.normalise import z_normalised

SERIES = np.random.default_rng(0).standard_normal((200, 64))


def test_decimals_mean_the_same_for_raw_series() -> None:
    """Normalised series stay unchanged, raw ones are normalised, constant ones become zeros."""
    deviations = SERIES.std(axis=1, ddof=1, keepdims=True)
    normal = (SERIES - SERIES.mean(axis=1, keepdims=True)) / deviations
    assert z_normalised(normal) is normal
    np.testing.assert_allclose(z_normalised(normal * 40 + 7), normal, atol=1e-9)
    np.testing.assert_array_equal(z_normalised(np.full((1, 8), 5.0)), np.zeros((1, 8)))
    for scale in (1e-300, 1e-160, 1e30):
        np.testing.assert_allclose(z_normalised(normal * scale), normal, atol=1e-9)
