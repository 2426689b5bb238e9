"""Explanations of the committed model are faithful, on FordA's test series, which no choice was made on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from app.contract import Artifact, Faithfulness
from app.inference.engines.keras.file import load_model
from app.inference.engines.openvino import OpenVINOEngine
from app.series.perturbations import (
    Perturbation,
    create_perturbation,
    log_odds,
    median_spectrum,
    single_regions,
)
from training.evaluation.accuracy import ModelOutputs, Predict
from training.evaluation.explanation import choose
from training.evaluation.faithfulness import CALL_ROWS, measure, outputs_of
from training.evaluation.predictor import predictor

# Every 20th of the test series is measured; the others are for the median spectrum.
STEP = 20
WINDOWS, BANDS = 10, 25


class Measured(NamedTuple):
    """Some test series, and what was measured of the committed model on them."""

    series: NDArray[np.float32]
    figures: dict[str, Faithfulness]
    create: Callable[[str], Perturbation]


@pytest.fixture(scope="module")
def measured(artifact: Artifact, forda_test: tuple[NDArray[np.float64], NDArray[np.int64]]) -> Measured:
    """The committed model on some test series."""
    everything = forda_test[0]
    chosen = np.arange(len(everything)) % STEP == 0
    series = everything[chosen]
    spectrum = median_spectrum(everything[~chosen], is_relative=True)

    def create(name: str) -> Perturbation:
        return create_perturbation(name, series.shape[1], spectrum, windows=WINDOWS, bands=BANDS)

    assert artifact.contract.trust is not None
    threshold = artifact.contract.trust.novelty.threshold
    engine = OpenVINOEngine(artifact, max_rows=CALL_ROWS)

    def predict(variants: NDArray[np.float32]) -> ModelOutputs:
        outputs = engine.predict(variants)
        return ModelOutputs(outputs[:, :-1], outputs[:, -1])

    names = ("smooth_window", "interpolated_gap", "band_gain", "cell_gain")
    figures = {name: measure(create(name), series, predict, threshold=threshold, seed=0) for name in names}
    return Measured(series, figures, create)


@pytest.mark.parametrize(
    ("name", "margin"), [("smooth_window", 0.05), ("band_gain", 0.04), ("cell_gain", 0.1)]
)
def test_importances_predict_what_the_model_does(measured: Measured, name: str, margin: float) -> None:
    """Perturbing the most important regions first lowers the probability most; restored, most."""
    deletion, insertion = measured.figures[name].deletion, measured.figures[name].insertion
    assert deletion.most_first < deletion.random - margin
    assert deletion.random < deletion.least_first - margin / 4
    assert insertion.most_first > insertion.random
    assert insertion.most_first > insertion.least_first + margin / 2


def test_variants_stay_like_the_training_data(measured: Measured) -> None:
    """Few of those with one region are unlike it; of gaps, which are not chosen, far more."""
    shares = {name: figures.unlike or 0.0 for name, figures in measured.figures.items()}
    assert shares["smooth_window"] < 0.02
    assert shares["band_gain"] < 0.2
    assert shares["cell_gain"] < 0.06
    assert shares["interpolated_gap"] > 0.25
    windows = {name: measured.figures[name] for name in ("smooth_window", "interpolated_gap")}
    assert choose(windows) == "smooth_window"


def importances(predict: Predict, it: Perturbation, series: NDArray[np.float32]) -> NDArray[np.float64]:
    """Importances `float64[n, regions]` for the second class."""
    every = single_regions(it.regions, 0, it.regions)
    before = log_odds(outputs_of(predict, series).probabilities, np.ones(len(series), np.int64))
    variants = np.concatenate([it(one, every) for one in series])
    after = log_odds(outputs_of(predict, variants).probabilities, np.ones(len(variants), np.int64))
    return before[:, np.newaxis] - after.reshape(len(series), -1)


def test_randomised_weights_change_the_explanation(measured: Measured, artifact: Artifact) -> None:
    """With shuffled weights, importances are not those of the trained model (Adebayo et al., 2018)."""
    it, series = measured.create("band_gain"), measured.series[:8]
    model = load_model(artifact.model_path)
    predict = predictor(model)
    trained = importances(predict, it, series)
    np.testing.assert_allclose(importances(predict, it, series), trained, atol=1e-5)
    random = np.random.default_rng(0)
    weights = model.get_weights()
    model.set_weights([random.permutation(each.ravel()).reshape(each.shape) for each in weights])
    randomised = importances(predict, it, series)
    assert abs(spearmanr(trained.ravel(), randomised.ravel()).statistic) < 0.4
