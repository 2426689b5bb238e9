"""`app.series.perturbations`: what each perturbation changes, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.series.perturbations import (
    CELL_PERTURBATIONS,
    FREQUENCY_PERTURBATIONS,
    TIME_PERTURBATIONS,
    MedianSpectrum,
    Perturbation,
    create_perturbation,
    log_odds,
    median_spectrum,
    most_bands,
    single_regions,
)
from app.series.perturbations.bands import MOST_GAIN
from app.series.perturbations.regions import band_edges, band_weights, window_edges, window_weights
from app.series.perturbations.spectrum import MOST_BANDS, MOST_CHANNELS, mirrored

NAMES = (*TIME_PERTURBATIONS, *FREQUENCY_PERTURBATIONS, *CELL_PERTURBATIONS)
LENGTH = 120


def noise(count: int, *shape: int, seed: int = 0) -> NDArray[np.float32]:
    """White noise `float32[count, *shape]`."""
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def perturbation(name: str, length: int = LENGTH, spectrum: MedianSpectrum | None = None) -> Perturbation:
    """A perturbation of 6 windows or 5 bands."""
    spectrum = spectrum or median_spectrum(noise(50, length), is_relative=True)
    return create_perturbation(name, length, spectrum, windows=6, bands=5)


@pytest.mark.parametrize("length", [LENGTH, LENGTH + 1, 11])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_chosen_changes_nothing_and_each_region_something(name: str, length: int) -> None:
    """For lengths that regions divide evenly, and others; variants are finite."""
    it, [series] = perturbation(name, length), noise(1, length, seed=1)
    nothing = np.zeros((1, it.regions), np.bool_)
    np.testing.assert_array_equal(it(series, nothing)[0], series)
    variants = it(series, single_regions(it.regions, 0, it.regions))
    assert variants.shape == (it.regions, length)
    assert variants.dtype == np.float32
    assert np.isfinite(variants).all()
    assert (np.abs(variants - series).max(axis=1) > 0).all()


@pytest.mark.parametrize("name", ["smooth_window", "interpolated_gap", "band_stop", "cell_stop"])
def test_all_regions_together_are_the_whole_series(name: str) -> None:
    """If all of them are removed, the mean is left."""
    it, [series] = perturbation(name), noise(1, LENGTH, seed=1) + 5
    [left] = it(series, np.ones((1, it.regions), np.bool_))
    np.testing.assert_allclose(left, series.mean(), atol=1e-5)


@pytest.mark.parametrize("name", [*TIME_PERTURBATIONS, *CELL_PERTURBATIONS])
def test_a_window_changes_no_time_step_outside(name: str) -> None:
    """Its edges are where the change ends."""
    it, [series] = perturbation(name), noise(1, LENGTH, seed=1)
    assert it.time is not None
    chosen = single_regions(it.regions, 0, it.regions)
    for number, variant in enumerate(it(series, chosen)):
        window = number % it.shape[-1]
        changed = np.flatnonzero(variant != series)
        assert it.time.starts[window] <= changed.min()
        assert changed.max() < it.time.ends[window]


@pytest.mark.parametrize("name", [*FREQUENCY_PERTURBATIONS, *CELL_PERTURBATIONS])
def test_a_jump_from_the_last_value_to_the_first_is_in_no_band(name: str) -> None:
    """It is not part of the series, though a Fourier transform takes a series as periodic."""
    it = perturbation(name)
    series = np.cos(np.pi * (np.arange(LENGTH) + 0.5) / LENGTH).astype(np.float32)
    of_lowest = it.regions // 5
    variants = it(series, single_regions(it.regions, of_lowest, it.regions))
    np.testing.assert_allclose(variants, np.tile(series, (len(variants), 1)), atol=1e-6)


@pytest.mark.parametrize("name", FREQUENCY_PERTURBATIONS)
def test_a_band_changes_no_frequency_outside(name: str) -> None:
    """Its edges are where the change ends."""
    it, [series] = perturbation(name), noise(1, LENGTH, seed=1)
    assert it.frequency is not None
    frequencies = np.fft.rfftfreq(2 * LENGTH)
    for band, variant in enumerate(it(series, single_regions(5, 0, 5))):
        change = np.abs(np.fft.rfft(mirrored((variant.astype(np.float64) - series)[np.newaxis])[0]))
        changed = frequencies[change > 1e-4]
        assert it.frequency.starts[band] < changed.min()
        assert changed.max() < it.frequency.ends[band] + 1e-9


def test_windows_and_bands_overlap_and_sum_to_one() -> None:
    """And have the same area each."""
    weights = window_weights(LENGTH, 6, np.arange(6))
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    np.testing.assert_allclose(weights.sum(axis=1), LENGTH / 6)
    starts, ends = window_edges(LENGTH, 6)
    assert (starts[1:] < ends[:-1]).all()
    bands = band_weights(LENGTH, 5, np.arange(5))
    assert bands[:, 0].tolist() == [0] * 5
    np.testing.assert_allclose(bands[:, 1:].sum(axis=0), 1)
    assert band_edges(LENGTH, 5).ends[-1] == 0.5


def test_a_gap_is_a_straight_line() -> None:
    """Between the values beside it; at an end, the value beside it."""
    it = perturbation("interpolated_gap")
    [series] = noise(1, LENGTH, seed=1)
    first, second = it(series, single_regions(6, 0, 2))
    np.testing.assert_array_equal(first[:20], series[20])
    np.testing.assert_allclose(second[19:41], np.linspace(series[19], series[40], 22), rtol=1e-4)


def test_gains_lead_to_the_median() -> None:
    """A series whose spectrum is the median's shape is left nearly as it is; others are moved to it."""
    spectrum = median_spectrum(noise(400, LENGTH), is_relative=True)
    it = perturbation("band_gain", spectrum=spectrum)
    usual, loud = noise(1, LENGTH, seed=1)[0], noise(1, LENGTH, seed=2)[0]
    steps = np.arange(LENGTH)
    loud += 0.9 * np.sin(2 * np.pi * 0.25 * steps).astype(np.float32)
    [variant] = it(loud, single_regions(5, 2, 3))
    at = np.fft.rfftfreq(LENGTH).searchsorted(0.25)
    before, after = (np.abs(np.fft.rfft(each))[at] for each in (loud, variant))
    assert after < 0.75 * before
    [moved] = it(usual, single_regions(5, 2, 3))
    assert np.abs(moved - usual).max() < 0.5 * np.abs(variant - loud).max()


@pytest.mark.parametrize("name", ["band_gain", "cell_gain"])
def test_gains_are_bounded(name: str) -> None:
    """A series without a trace of a band is not raised by more than the stated factor, nor made of noise."""
    it = perturbation(name)
    slow = np.sin(2 * np.pi * 2 * np.arange(LENGTH) / LENGTH).astype(np.float32)
    variants = it(slow, single_regions(it.regions, 0, it.regions))
    assert np.abs(variants).max() <= MOST_GAIN * 1.2
    constant = np.full(LENGTH, 3.0, np.float32)
    np.testing.assert_allclose(it(constant, single_regions(it.regions, 0, it.regions)), 3.0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_offset_and_scale_do_not_matter(name: str) -> None:
    """The variants of a shifted and scaled series are the shifted and scaled variants."""
    it, [series] = perturbation(name), noise(1, LENGTH, seed=1)
    chosen = single_regions(it.regions, 0, it.regions)
    np.testing.assert_allclose(it(series * 20 + 300, chosen), it(series, chosen) * 20 + 300, atol=1e-2)


def test_where_scale_matters_gains_depend_on_it() -> None:
    """With an absolute spectrum, a louder series is lowered more."""
    spectrum = median_spectrum(noise(50, LENGTH), is_relative=False)
    it, [series] = perturbation("band_gain", spectrum=spectrum), noise(1, LENGTH, seed=1)
    every = np.ones((1, 5), np.bool_)
    [plain], [loud] = it(series, every), it(series * 100, every)
    assert 0.8 < loud.std() / plain.std() < 1.25


@pytest.mark.parametrize("name", NAMES)
def test_channels_are_perturbed_alike(name: str) -> None:
    """Each by its own median; the axes of a series are kept."""
    many = noise(50, LENGTH, 3) * np.array([1, 10, 100], np.float32)
    it = perturbation(name, spectrum=median_spectrum(many, is_relative=True))
    chosen = single_regions(it.regions, 0, it.regions)
    variants = it(many[0], chosen)
    assert variants.shape == (it.regions, LENGTH, 3)
    for channel in range(3):
        alone = perturbation(name, spectrum=median_spectrum(many[:, :, channel], is_relative=True))
        expected = alone(np.ascontiguousarray(many[0, :, channel]), chosen)
        np.testing.assert_allclose(variants[:, :, channel], expected, rtol=1e-4, atol=1e-3)


def test_the_median_spectrum_of_white_noise_is_flat() -> None:
    """Its power is near 1 in each band, and no more bands than frequencies or than are stored."""
    power = median_spectrum(noise(300, 1000), is_relative=True).power
    assert power.shape == (1, MOST_BANDS)
    assert (np.abs(power - 1) < 0.2).all()
    assert median_spectrum(noise(3, 21), is_relative=True).power.shape == (1, most_bands(21))


def test_many_channels_share_a_spectrum() -> None:
    """It has to fit into a contract."""
    many = noise(3, 40, MOST_CHANNELS + 1)
    spectrum = median_spectrum(many, is_relative=True)
    assert spectrum.power.shape == (1, 20)
    it = create_perturbation("cell_gain", 40, spectrum, windows=2, bands=2)
    assert it(many[0], single_regions(4, 0, 4)).shape == (4, 40, MOST_CHANNELS + 1)


def test_a_perturbation_has_a_known_name() -> None:
    """Others are refused."""
    with pytest.raises(ValueError, match="no perturbation is named 'magic'"):
        perturbation("magic")


def test_log_odds_tell_saturated_probabilities_apart() -> None:
    """Where 1 minus the probability has no digits left, the other classes still have."""
    probabilities = np.array([[0.75, 0.25, 0.0], [1.0, 1e-12, 1e-12], [1.0, 0.0, 0.0]], np.float32)
    first, second, third = log_odds(probabilities, np.zeros(3, np.int64))
    assert first == pytest.approx(np.log(3))
    assert second == pytest.approx(np.log(1 / 2e-12), rel=1e-5)
    assert np.isfinite(third)
    assert third > second
