"""Whether promised trust is measured rightly."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import LabelSets, NoveltySpec, Trust, ValueThresholds
from tests.training.conftest import make_dataset
from tests.training.report.reports import a_config, a_report, trained
from training.data.other_series import COUNT, EACH, made_up
from training.data.ucr import Dataset
from training.evaluation.accuracy import Answers, evaluate
from training.evaluation.predictor import predictor
from training.evaluation.trust import (
    SetSizes,
    TrustEvaluation,
    evaluate_trust,
    label_sets,
    novelty_groups,
    novelty_of,
)
from training.report.report import Report

TRUST = Trust(
    label_sets=LabelSets(level=0.9, thresholds={"0.9": 0.4, "0.99": 0.1}),
    novelty=NoveltySpec(name="novelty", quantiles=(-1.0, 1.0), threshold=0.0),
    habits=ValueThresholds(fewest_distinct=4, most_at_extreme=8),
)


def test_sets_hold_what_reaches_the_threshold() -> None:
    """A set has every label from the threshold on, the threshold included; a novel series has none."""
    answers = Answers(
        np.array([[0.9, 0.1], [0.5, 0.5], [0.4, 0.6], [0.9, 0.1]], np.float32),
        np.array([-1.0, -1.0, 0.0, 0.1], np.float32),
    )
    sets = label_sets(answers, TRUST, 0.4)
    assert sets.tolist() == [[True, False], [True, True], [True, True], [False, False]]


def test_trust_needs_a_novelty() -> None:
    """A model with one output alone is refused, and told why."""
    with pytest.raises(ValueError, match="the output novelty"):
        novelty_of(Answers(np.ones((1, 2), np.float32), None))


def test_sizes_are_counted_within_limits() -> None:
    """The share of sets with at least so many labels and at most so many is a sum."""
    sizes = SetSizes(shares={0: 0.1, 1: 0.6, 2: 0.2, 5: 0.1}, single_accuracy=0.9)
    assert sizes.share(2, np.inf) == pytest.approx(0.3)
    assert sizes.share(3, 4) == 0


@pytest.fixture(scope="module")
def measured() -> TrustEvaluation:
    """Trust in answers that are known: all of the data set's series get the same, all others are novel.

    Series of class 0 are answered 0.95 for class 0, those of class 1 are answered 0.7 for class 0. Of the
    data set's series a quarter, all of class 0, are called novel.
    """
    dataset = dataclasses.replace(make_dataset(classes=2), name="FordA")
    own = {row.tobytes(): target for row, target in zip(_known(dataset), _targets(dataset), strict=True)}
    count = len(dataset.test)

    def predict(series: NDArray[np.float32]) -> Answers:
        targets = np.array([own.get(row.tobytes(), -1) for row in series])
        first = np.where(targets == 0, 0.95, 0.7).astype(np.float32)
        quarter = (np.arange(len(series)) % 4 == 0) & (len(series) == count)
        novelty = np.where(targets < 0, 5.0, np.where(quarter, 1.0, -1.0))
        return Answers(np.stack([first, 1 - first], axis=1), novelty.astype(np.float32))

    model = trained(dataset, a_config()).model
    return evaluate_trust(model, predict, TRUST, evaluate(predict, dataset), dataset)


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


def test_foreign_series_are_told_apart(measured: TrustEvaluation) -> None:
    """Made-up series and the archive's are pooled; a relative is measured beside them, for itself."""
    assert measured.separation == {"stored": 1.0, "rounded_2": 1.0}
    assert measured.related == {"FordB": {"stored": 1.0, "rounded_2": 1.0}}
    origins = {name: group.origin for name, group in measured.foreign.items()}
    assert origins["FordB"] == "relative"
    assert origins["Coffee"] == "archive"
    assert {name for name, origin in origins.items() if origin == "made up"} == set(made_up(8))
    assert "FordA" not in origins


@pytest.fixture(scope="module")
def report() -> Report:
    """The report on a model whose attention was never fitted, for a data set of three classes."""
    return a_report(make_dataset(classes=3))


def test_groups_are_few_enough_to_look_at(report: Report) -> None:
    """The test series come first in both precisions, and the archive's other data sets are one group."""
    assert report.trust is not None
    groups = novelty_groups(report.evaluation, report.trust, name="Waves")
    assert list(groups.own) == ["Waves, as stored", "Waves, rounded to 2 decimals"]
    assert groups.related == {}
    pooled, *others = groups.foreign
    assert pooled.endswith(" other UCR data sets")
    assert others == list(made_up(8))
    assert len(groups.foreign[pooled]) > 30 * EACH
    assert {len(groups.foreign[name]) for name in others} == {COUNT}


def test_attention_is_back_after_it_was_measured(report: Report) -> None:
    """The accuracy under uniform attention is a model's own business: it answers as before."""
    assert report.trust is not None
    again = evaluate(predictor(report.trained.model), report.dataset)
    np.testing.assert_array_equal(again.probabilities, report.evaluation.probabilities)
    assert set(report.trust.uniform_attention) == {"stored", "rounded_2"}


def test_uniform_attention_is_measured_on_the_same_series() -> None:
    """A model that attends to everything alike anyway loses nothing."""
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
