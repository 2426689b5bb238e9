"""The whole models: what is sealed takes raw series and answers by name, whatever the data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.full_models import answer, layers_of, probabilities, randomise_attention, smooth_series
from training.config import TrainingConfig, config_from
from training.data.sources import package_folder
from training.fit.inputs import FitInputs
from training.fit.loop import compile_model
from training.model.novelty import Novelty
from training.model.sealed import build_reference, build_trusted
from training.model.spectrum import bin_counts
from training.model.transformer import series_classifier, spectrum_classifier

Tiny = Callable[..., TrainingConfig]


def whole(config: TrainingConfig, *, length: int = 500, classes: int = 2, temperature: float = 1.5) -> Any:
    """What is sealed, untrained, with a measure of novelty that takes spectra as they are."""
    keras.utils.set_random_seed(0)
    make = spectrum_classifier if config.tokens == "spectrum" else series_classifier
    bins = sum(bin_counts(config, length))
    return build_trusted(
        make(config, length=length, classes=classes),
        config,
        length=length,
        temperature=temperature,
        novelty=Novelty(np.eye(bins, dtype=np.float32), np.zeros(bins, np.float32)),
    )


@pytest.fixture(scope="module")
def ours() -> Any:
    """Our model with its default sizes."""
    return whole(config_from({"tokens": "spectrum"}))


@pytest.fixture(scope="module")
def over_time() -> Any:
    """Our model with time tokens, likewise."""
    return whole(config_from({"tokens": "time"}))


@pytest.fixture(scope="module")
def reference() -> Any:
    """The sealed form of the reference model."""
    keras.utils.set_random_seed(0)
    return build_reference(config_from({"model": "reference"}), length=500, classes=2)


@pytest.mark.parametrize("tokens", ["spectrum", "time"])
def test_our_attention_works(tiny: Tiny, tokens: str) -> None:
    """Noise instead of attention weights changes every answer of ours."""
    model = whole(tiny(windows=(125, 50), tokens=tokens))
    before = probabilities(model, smooth_series())
    assert randomise_attention(model) == 1
    assert (np.abs(probabilities(model, smooth_series()) - before).max(axis=1) > 1e-4).all()


@pytest.mark.parametrize("model", ["ours", "over_time"])
def test_ours_is_small(model: str, request: pytest.FixtureRequest) -> None:
    """The default models have at most 100,000 parameters, spectra and measure of novelty included."""
    assert request.getfixturevalue(model).count_params() <= 100_000


@pytest.mark.parametrize("model", ["ours", "over_time"])
def test_ours_is_made_of_builtin_layers(model: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """It loads in safe mode, has no custom class and no Lambda, and then gives the very same answers."""
    built, path = request.getfixturevalue(model), tmp_path / "model.keras"
    built.save(path)
    again = keras.saving.load_model(path, safe_mode=True, compile=False)
    for name, wanted in answer(built, smooth_series()).items():
        np.testing.assert_array_equal(answer(again, smooth_series())[name], wanted)
    layers = layers_of(built, keras.Layer)
    assert all(type(layer).__module__.startswith("keras.") for layer in layers)
    assert not [layer for layer in layers if isinstance(layer, keras.layers.Lambda)]


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        ("ours", {"probabilities": 2, "novelty": 1, "embedding": 64}),
        ("over_time", {"probabilities": 2, "novelty": 1, "embedding": 64}),
        ("reference", {"probabilities": 2}),
    ],
)
def test_inputs_and_outputs_are_the_contracts(
    model: str, outputs: dict[str, int], request: pytest.FixtureRequest
) -> None:
    """The input is `series`, the outputs have their names and widths, and probabilities sum to 1."""
    built = request.getfixturevalue(model)
    assert built.inputs[0].name == "series"
    answers = answer(built, smooth_series())
    assert {name: value.shape for name, value in answers.items()} == {
        name: (8, width) for name, width in outputs.items()
    }
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, atol=1e-6)


def test_the_optimizer_stays_behind(tmp_path: Path) -> None:
    """A classifier that was compiled to be fitted brings nothing of its optimizer into the sealed file."""
    config, bins = config_from({"tokens": "spectrum"}), sum(bin_counts(TrainingConfig(), 500))
    classifier = spectrum_classifier(config, length=500, classes=2)
    compile_model(classifier, config, steps=1)
    novelty = Novelty(np.eye(bins, dtype=np.float32), np.zeros(bins, np.float32))
    model = build_trusted(classifier, config, length=500, temperature=1.0, novelty=novelty)
    model.save(tmp_path / "model.keras")
    assert (tmp_path / "model.keras").stat().st_size < 6 * model.count_params()
    series = classifier.input_shape[1]
    spectra = np.random.default_rng(0).standard_normal((3, series)).astype(np.float32)
    (copied,) = layers_of(model, keras.Model)
    np.testing.assert_array_equal(np.asarray(copied(spectra)[0]), np.asarray(classifier(spectra)))


def test_the_temperature_softens_answers() -> None:
    """The sealed probabilities are the softmax of the classifier's logits, divided by the temperature."""
    config = config_from({"tokens": "spectrum"})
    hot, cold = (probabilities(whole(config, temperature=t), smooth_series()) for t in (4.0, 1.0))
    logits = np.log(cold)
    softened = np.exp(logits / 4) / np.exp(logits / 4).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hot, softened, atol=1e-5)


def test_the_graph_measures_novelty_as_the_job_does(tiny: Tiny, wave_dataset: Any, untrained: Any) -> None:
    """The second output is the score that thresholds and quantiles are made from."""
    fit_inputs = FitInputs(wave_dataset, tiny())
    novelty = fit_inputs.novelty(np.arange(48))
    wanted = novelty.score(fit_inputs.arithmetic(fit_inputs.spectra(wave_dataset.test)))
    series = wave_dataset.test.astype(np.float32)[..., np.newaxis]
    found = answer(untrained(tiny(), wave_dataset), series)["novelty"][:, 0]
    np.testing.assert_allclose(found, wanted, atol=1e-3)


@settings(deadline=None, max_examples=12)
@given(
    offset=st.floats(-1e6, 1e6, allow_nan=False),
    exponent=st.floats(-6, 6, allow_nan=False),
    model=st.sampled_from(["ours", "over_time", "reference"]),
)
def test_offset_and_scale_do_not_matter(
    offset: float, exponent: float, model: str, ours: Any, over_time: Any, reference: Any
) -> None:
    """A raw series gets the answer of its z-normalised form, whatever its offset and scale."""
    built = {"ours": ours, "over_time": over_time, "reference": reference}[model]
    series = smooth_series(count=2).astype(np.float64)
    raw = ((series + offset) * 10**exponent).astype(np.float32).astype(np.float64)
    normal = (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, ddof=1, keepdims=True)
    np.testing.assert_allclose(
        probabilities(built, raw.astype(np.float32)),
        probabilities(built, normal.astype(np.float32)),
        atol=2e-4,
    )


@pytest.mark.parametrize("model", ["ours", "over_time", "reference"])
def test_a_constant_series_gets_an_answer(model: str, request: pytest.FixtureRequest) -> None:
    """A series without variation gives finite outputs, not NaN."""
    answers = answer(request.getfixturevalue(model), np.full((1, 500, 1), 3.7, np.float32))
    assert all(np.isfinite(value).all() for value in answers.values())
    assert answers["probabilities"].sum() == pytest.approx(1)


def test_a_series_gets_the_same_answer_in_any_batch(ours: Any) -> None:
    """Alone or among others, a series of the real test set gets the same answer."""
    folder = package_folder()
    assert folder is not None
    with (folder / "FordA_TEST.tsv").open() as file:
        rows = [next(file).split("\t")[1:] for _ in range(16)]
    series = np.array(rows, dtype=np.float32)[..., np.newaxis]
    together = answer(ours, series)
    for name, value in together.items():
        alone = np.concatenate([answer(ours, row[np.newaxis])[name] for row in series])
        np.testing.assert_allclose(value, alone, atol=1e-5)


@pytest.mark.parametrize("length", [8, 15, 24, 700])
@pytest.mark.parametrize("tokens", ["spectrum", "time", None])
def test_other_lengths_and_classes(tokens: str | None, length: int) -> None:
    """Windows and time segments adapt to short series, and any number of classes is possible."""
    model = (
        whole(config_from({"tokens": tokens}), length=length, classes=5)
        if tokens
        else build_reference(config_from({"model": "reference"}), length=length, classes=5)
    )
    answers = probabilities(model, smooth_series(count=3, length=length))
    assert answers.shape == (3, 5)
    assert np.isfinite(answers).all()
