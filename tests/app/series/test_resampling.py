"""Resampling: the same as the whole recording at once, without aliases, seams or ripple."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from app.errors import UnreadableSeries
from app.series.resampling import _low_pass, ratio_of, resample

RATES = [(3, 1), (1, 3), (3, 2), (5, 7), (44100, 10000), (100, 441)]


def resampled(
    recording: Iterator[NDArray[np.float64]] | NDArray[np.float64],
    rate: float,
    model_rate: float,
    chunk: int = 50,
) -> NDArray[np.float64]:
    """All chunks as one array."""
    return np.concatenate(list(resample(recording, rate=rate, model_rate=model_rate, chunk_steps=chunk)))


@pytest.mark.parametrize(("rate", "model_rate"), RATES)
@given(data=st.data())
def test_chunks_give_what_the_whole_recording_gives(data: st.DataObject, rate: int, model_rate: int) -> None:
    """Bit for bit what scipy's `resample_poly` gives for all values at once: there are no seams."""
    steps = data.draw(st.integers(1, 400))
    splits = sorted(data.draw(st.lists(st.integers(0, steps), max_size=5)))
    chunk = data.draw(st.integers(1, 100))
    values = np.random.default_rng(steps).normal(size=(steps, 2))
    ratio = ratio_of(rate, model_rate)
    up, down = ratio.numerator, ratio.denominator
    taps = _low_pass(signal, up, half=10 * max(up, down), cutoff=1 / max(up, down))
    expected = signal.resample_poly(values, up, down, axis=0, window=taps, padtype="edge")
    assert np.array_equal(resampled(iter(np.split(values, splits)), rate, model_rate, chunk), expected)


def test_a_frequency_that_the_model_cannot_have_is_removed() -> None:
    """A tone above the new Nyquist frequency does not come back as another one; one below it stays."""
    time = np.arange(20_000) / 1000
    low, high = np.sin(2 * np.pi * 20 * time), np.sin(2 * np.pi * 380 * time)
    found = resampled(low + high, 1000, 250, chunk=1000)
    expected = np.sin(2 * np.pi * 20 * np.arange(len(found)) / 250)
    inner = slice(50, -50)
    assert np.abs(found - expected)[inner].max() < 0.01
    assert np.abs((low + high)[::4] - expected)[inner].max() > 0.5  # without a filter


def test_a_large_offset_gets_no_ripple() -> None:
    """Air pressure in pascals that does not change stays as it is, to the precision of float64."""
    found = resampled(np.full(5000, 101_325.0), 3, 2)
    assert np.ptp(found) < 1e-9


def test_the_same_rate_changes_nothing() -> None:
    """And needs no SciPy."""
    values = np.random.default_rng(0).normal(size=1000)
    assert np.array_equal(resampled(values, 500.0, 500.0), values)


@pytest.mark.parametrize("rate", [500, 1000])
def test_a_value_that_is_not_finite_is_named(rate: float) -> None:
    """With its place in the recording: it would spread over its neighbours."""
    chunks = [np.zeros(100), np.array([0, 1, np.nan, 2])]
    with pytest.raises(UnreadableSeries, match="value 102 of the recording is not a finite number"):
        list(resample(chunks, rate=rate, model_rate=500))


@pytest.mark.parametrize(("rate", "model_rate"), [(0, 500), (500, float("nan")), (-1, 1), (float("inf"), 1)])
def test_what_is_no_rate_is_refused(rate: float, model_rate: float) -> None:
    """Rates are positive numbers."""
    with pytest.raises(UnreadableSeries, match="give positive numbers"):
        list(resample(np.zeros(10), rate=rate, model_rate=model_rate))


@pytest.mark.parametrize(("rate", "model_rate"), [(1, 2000), (5000, 1), (999.99, 1000)])
def test_rates_without_a_small_ratio_are_refused(rate: float, model_rate: float) -> None:
    """Their filter would be huge, or the recording would drift."""
    with pytest.raises(UnreadableSeries, match="no ratio of whole numbers up to 1000"):
        ratio_of(rate, model_rate)


def test_without_scipy_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a module."""
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(UnreadableSeries, match=r"pip install \"timeseries-server\[recordings\]\""):
        list(resample(np.zeros(10), rate=2, model_rate=1))
