"""Whether promised trust is measured rightly."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import LabelSets, NoveltySpec, Trust, ValueThresholds
from tests.training.conftest import make_dataset
from tests.training.report.reports import a_config, trained
from training.data.ood_series import ARCHIVE_SERIES, SYNTHETIC_SERIES, synthetic_series
from training.data.ucr import Dataset
from training.evaluation.accuracy import ModelOutputs, evaluate
from training.evaluation.predictor import predictor
from training.evaluation.trust import (
    SetSizes,
    TrustEvaluation,
    evaluate_trust,
    label_sets,
    novelty_groups,
    novelty_scores,
)
from training.fit.result import TrainingResult
from training.report.report import Report

TRUST = Trust(
    label_sets=LabelSets(level=0.9, thresholds={"0.9": 0.4, "0.99": 0.1}),
    novelty=NoveltySpec(name="novelty", quantiles=(-1.0, 1.0), threshold=0.0),
    habits=ValueThresholds(fewest_distinct=4, most_at_extreme=8),
)


def test_sets_hold_what_reaches_the_threshold() -> None:
    """A set has each label at or above the threshold; an OOD series has an empty set."""
    answers = ModelOutputs(
        np.array([[0.9, 0.1], [0.5, 0.5], [0.4, 0.6], [0.9, 0.1]], np.float32),
        np.array([-1.0, -1.0, 0.0, 0.1], np.float32),
    )
    sets = label_sets(answers, TRUST, 0.4)
    assert sets.tolist() == [[True, False], [True, True], [True, True], [False, False]]


def test_trust_needs_a_novelty_output() -> None:
    """A model without a novelty output raises an error."""
    with pytest.raises(ValueError, match="no novelty output"):
        novelty_scores(ModelOutputs(np.ones((1, 2), np.float32), None))


def test_sizes_are_counted_within_limits() -> None:
    """`share` sums the fractions between two sizes, both included."""
    sizes = SetSizes(shares={0: 0.1, 1: 0.6, 2: 0.2, 5: 0.1}, single_accuracy=0.9)
    assert sizes.share(2, np.inf) == pytest.approx(0.3)
    assert sizes.share(3, 4) == 0


@pytest.fixture(scope="module")
def measured(untrained_result: TrainingResult) -> TrustEvaluation:
    """Trust in answers that are known: all of the data set's series get the same, all others are novel.

    Series of class 0 are answered 0.95 for class 0, those of class 1 are answered 0.7 for class 0. Of the
    data set's series a quarter, all of class 0, are called novel.
    """
    dataset = dataclasses.replace(make_dataset(classes=2), name="FordA")
    own = {row.tobytes(): target for row, target in zip(_known(dataset), _targets(dataset), strict=True)}
    count = len(dataset.test)

    def predict(series: NDArray[np.float32]) -> ModelOutputs:
        targets = np.array([own.get(row.tobytes(), -1) for row in series])
        first = np.where(targets == 0, 0.95, 0.7).astype(np.float32)
        quarter = (np.arange(len(series)) % 4 == 0) & (len(series) == count)
        novelty = np.where(targets < 0, 5.0, np.where(quarter, 1.0, -1.0))
        return ModelOutputs(np.stack([first, 1 - first], axis=1), novelty.astype(np.float32))

    return evaluate_trust(untrained_result.model, predict, TRUST, evaluate(predict, dataset), dataset)


def _known(dataset: Dataset) -> NDArray[np.float32]:
    return np.concatenate([dataset.test, np.round(dataset.test, 2)]).astype(np.float32)


def _targets(dataset: Dataset) -> NDArray[np.int64]:
    return np.tile(dataset.test_targets, 2)


def test_coverage_is_the_share_with_the_truth_in_the_set(measured: TrustEvaluation) -> None:
    """At a low threshold all but the novel series are covered, at a high one only those of class 0."""
    assert measured.coverage["stored"] == {"0.9": 0.25, "0.99": 0.75}
    assert measured.coverage["rounded_2"] == measured.coverage["stored"]


def test_sizes_are_those_of_the_served_level(measured: TrustEvaluation) -> None:
    """A quarter has the empty set; the others a single label, which is right for class 0 alone."""
    sizes = measured.set_sizes["stored"]
    assert sizes.shares == {0: 0.25, 1: 0.75}
    assert sizes.single_accuracy == pytest.approx(1 / 3)


def test_ood_series_are_detected(measured: TrustEvaluation) -> None:
    """The AUROC pools synthetic and archive series; a near-OOD data set has its own."""
    assert measured.ood_auroc == {"stored": 1.0, "rounded_2": 1.0}
    assert measured.near_ood_auroc == {"FordB": {"stored": 1.0, "rounded_2": 1.0}}
    kinds = {name: group.kind for name, group in measured.ood_groups.items()}
    assert kinds["FordB"] == "near"
    assert kinds["Coffee"] == "archive"
    assert {name for name, kind in kinds.items() if kind == "synthetic"} == set(synthetic_series(8))
    assert "FordA" not in kinds


@pytest.fixture
def report(report_over_time: Report) -> Report:
    """The report on a model whose attention was never fitted, for a data set of three classes."""
    return report_over_time


def test_archive_data_sets_are_one_group(report: Report) -> None:
    """Test series come first, in both views; the archive's other data sets are one group."""
    assert report.trust is not None
    groups = novelty_groups(report.evaluation, report.trust, name="Waves")
    assert list(groups.in_distribution) == ["Waves, as stored", "Waves, rounded to 2 decimals"]
    assert groups.near_ood == {}
    pooled, *others = groups.ood
    assert pooled.endswith(" other UCR data sets")
    assert others == list(synthetic_series(8))
    assert len(groups.ood[pooled]) > 30 * ARCHIVE_SERIES
    assert {len(groups.ood[name]) for name in others} == {SYNTHETIC_SERIES}


def test_the_attention_weights_are_restored(report: Report) -> None:
    """After the evaluation, the model gives the same outputs as before."""
    assert report.trust is not None
    again = evaluate(predictor(report.trained.model), report.dataset)
    np.testing.assert_array_equal(again.probabilities, report.evaluation.probabilities)
    assert set(report.trust.uniform_attention) == {"stored", "rounded_2"}


def test_uniform_attention_is_measured_on_the_same_series() -> None:
    """A model with uniform attention keeps its accuracy."""
    dataset = make_dataset(classes=2)
    fits = trained(dataset, a_config())
    for layer in _queries(fits.model):
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    predict = predictor(fits.model)
    assert fits.trust is not None
    evaluation = evaluate(predict, dataset)
    trust = evaluate_trust(fits.model, predict, fits.trust, evaluation, dataset)
    assert trust.uniform_attention == {view: evaluation.accuracies[view] for view in ("stored", "rounded_2")}


def _queries(model: Any) -> list[Any]:
    layers = model.get_layer("classifier").layers
    return [layer.query_dense for layer in layers if hasattr(layer, "query_dense")]
