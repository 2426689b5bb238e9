"""`app.series.spec`: the shapes of arrays of series, and the way from them to a model."""

from __future__ import annotations

import numpy as np

from app.series.spec import SeriesSpec, by_channel, model_input

ONE, SEVERAL = SeriesSpec(5), SeriesSpec(5, 3)


def test_one_channel_has_no_axis() -> None:
    """`[n, length]` with one channel, `[n, length, channels]` with several."""
    assert (ONE.shape, ONE.values) == ((5,), 5)
    assert (SEVERAL.shape, SEVERAL.values) == ((5, 3), 15)


def test_an_axis_of_one_channel_may_be_sent() -> None:
    """Of several channels there is one form."""
    assert ONE.taken_shapes == ((5,), (5, 1))
    assert SEVERAL.taken_shapes == ((5, 3),)


def test_a_model_always_has_an_axis_of_channels() -> None:
    """No memory is copied on the way to it."""
    for spec in (ONE, SEVERAL):
        series = np.zeros((2, *spec.shape), np.float32)
        found = model_input(series)
        assert found.shape == (2, spec.length, spec.channels)
        assert np.shares_memory(found, series)


def test_channels_come_one_below_the_other() -> None:
    """A series' channels in a row, each with its own values."""
    series = np.arange(30).reshape(2, 5, 3)
    found = by_channel(series)
    np.testing.assert_array_equal(found[4], series[1, :, 1])
    assert found.shape == (6, 5)
    assert by_channel(series[..., 0]).shape == (2, 5)
