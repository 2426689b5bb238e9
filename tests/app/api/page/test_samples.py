"""`app.api.page.samples`: samples by the model's own answers, and the mean spectra of the classes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from app.api.page.samples import mean_power, mean_spectra, samples_of
from app.contract import Artifact, Golden


def test_each_class_has_easy_samples_and_one_on_the_border(artifact: Artifact) -> None:
    """Sorted by how sure the model is of its own answer."""
    golden = artifact.golden
    samples = samples_of(artifact)
    for label in artifact.contract.labels:
        own = [sample for sample in samples if sample.label == label.name and sample.kind != "unlike"]
        assert [sample.kind for sample in own] == ["easy", "easy", "border"]
        sure = [golden.probabilities[int(sample.id.removeprefix("golden-"))].max() for sample in own]
        assert sure == sorted(sure, reverse=True)
        assert {sample.name for sample in own} == {label.meaning}


def test_unlike_samples_are_a_golden_series_and_two_that_are_made(artifact: Artifact) -> None:
    """The golden one is beyond the contract's threshold."""
    assert artifact.contract.trust is not None
    assert artifact.golden.novelty is not None
    unlike = [sample for sample in samples_of(artifact) if sample.kind == "unlike"]
    assert [sample.name for sample in unlike] == ["test series", "white noise", "sine"]
    row = int(unlike[0].id.removeprefix("golden-"))
    assert artifact.golden.novelty[row, 0] > artifact.contract.trust.novelty.threshold
    assert all(sample.series.shape == artifact.contract.input.spec.shape for sample in unlike)


def test_samples_have_names_of_their_own_and_are_the_same_each_time(artifact: Artifact) -> None:
    """Links name them."""
    first, second = samples_of(artifact), samples_of(artifact)
    assert len({sample.id for sample in first}) == len(first)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.series, other.series)


def test_a_model_without_trust_has_samples_too(plain_artifact: Artifact) -> None:
    """None of its golden series is known to be unlike the training data."""
    unlike = [sample.id for sample in samples_of(plain_artifact) if sample.kind == "unlike"]
    assert unlike == ["noise", "sine"]


def test_a_class_without_golden_series_is_left_out(artifact: Artifact) -> None:
    """Of its samples and its spectrum."""
    golden = Golden(artifact.golden.series[:1], artifact.golden.probabilities[:1], None)
    few = dataclasses.replace(artifact, golden=golden)
    assert [sample.kind for sample in samples_of(few)] == ["easy", "unlike", "unlike"]
    assert list(mean_spectra(few).log_power) == ["-1"]


def test_the_power_of_a_sine_is_at_its_frequency() -> None:
    """For one channel and for several, whatever offset and scale."""
    steps = np.arange(512)
    sine = 1000 + 250 * np.sin(2 * np.pi * steps * 16 / 128)
    [power] = mean_power(sine[np.newaxis], 128)
    assert power.shape == (65,)
    assert power.argmax() == 16
    [of_channels] = mean_power(np.stack([sine, sine], axis=1)[np.newaxis], 128)
    np.testing.assert_allclose(of_channels, power, atol=1e-12)


def test_the_power_of_white_noise_is_even() -> None:
    """About 1 at each frequency: the window's own power is divided out."""
    noise = np.random.default_rng(1).standard_normal((200, 512))
    power = mean_power(noise, 64).mean(axis=0)
    assert power[2:-2] == pytest.approx(1.0, abs=0.1)


def test_the_spectrum_of_a_flat_series_is_finite(artifact: Artifact) -> None:
    """Its standard deviation is 0."""
    assert np.isfinite(mean_power(np.ones((1, 500)), 128)).all()
    assert all(np.isfinite(each).all() for each in mean_spectra(artifact).log_power.values())
