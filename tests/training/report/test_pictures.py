"""The report's plots, and the values that they are drawn from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from tests.training.conftest import LENGTH
from tests.training.report.reports import PICTURES, TEMPERATURE
from training.report.pictures import draw, reliabilities_of, spectra_of
from training.report.report import Report


@pytest.fixture
def report(full_report: Report) -> Report:
    """The report of a model on spectra; the class of a series is its number of cycles, 4 or 10."""
    return full_report


def test_spectra_peak_at_the_frequency_of_the_class(report: Report) -> None:
    """Each class's mean spectrum peaks at the frequency of its sines, in cycles per sample."""
    long, short = spectra_of(report)
    assert (long.window, short.window) == (32, 16)
    for window in (long, short):
        resolution = window.frequencies[1]
        peaks = window.frequencies[window.means.argmax(axis=1)]
        assert peaks == pytest.approx(np.array([4, 10]) / LENGTH, abs=resolution)


def test_white_noise_is_at_0_decibels(report: Report) -> None:
    """White noise of deviation 1 is at 0 dB in all bins, the highest included, for any window."""
    noise = np.random.default_rng(0).standard_normal(report.dataset.test.shape)
    noisy = dataclasses.replace(report, dataset=dataclasses.replace(report.dataset, test=noise))
    for window in spectra_of(noisy):
        # The mean of logarithms is below the logarithm of the mean, more so with fewer windows.
        assert -2 < window.means[:, 1:-1].mean() < 0
        assert window.means[:, -1].mean() == pytest.approx(window.means[:, 1:-1].mean(), abs=1.5)


def test_attention_bands_cover_all_frequencies(report: Report) -> None:
    """Bands cover all frequencies without gaps; the mean attention is 1."""
    windows = spectra_of(report)
    assert [len(window.attention) for window in windows] == [5, 3]
    assert np.concatenate([window.attention for window in windows]).mean() == pytest.approx(1, rel=1e-5)
    for window in windows:
        half = window.frequencies[1] / 2
        assert len(window.edges) == len(window.attention) + 1
        assert np.all(np.diff(window.edges) > 0)
        assert (window.edges[0], window.edges[-1]) == pytest.approx((-half, 0.5 + half))


def test_before_calibration_uses_the_logits(report: Report) -> None:
    """The first diagram shows the softmax of the logits, the second the model's probabilities."""
    before, after = reliabilities_of(report).values()
    logits = np.log(report.evaluation.probabilities) * np.float32(TEMPERATURE)
    confidence = softmax(logits, axis=1).max(axis=1)
    assert np.sum(before.confidence * before.share) == pytest.approx(confidence.mean(), rel=1e-5)
    assert after.expected_error == report.evaluation.calibration_error["stored"]


@pytest.mark.parametrize(
    ("report_name", "missing"),
    [("report_over_time", {"spectra.png"}), ("reference_report", {"spectra.png", "novelty.png"})],
)
def test_models_have_the_pictures_that_apply(
    tmp_path: Path, request: pytest.FixtureRequest, report_name: str, missing: set[str]
) -> None:
    """A model over time has no plot of spectra; a baseline has no plot of OOD scores either."""
    drawn = draw(request.getfixturevalue(report_name), tmp_path)
    assert set(drawn.values()) == PICTURES - missing == {path.name for path in tmp_path.iterdir()}
