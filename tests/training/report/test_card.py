"""The model card says what was measured, and nothing of what was not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from tests.training.conftest import make_dataset
from tests.training.report.reports import a_report
from training.data.ucr import Dataset
from training.report.card import card_of
from training.report.report import Report

PICTURES = {"Learning curves": "learning_curve.png"}


def sections_of(report: Report) -> Mapping[str, str]:
    """The card's sections by their headings; what comes first has none."""
    first, *others = card_of(report, PICTURES).split("\n## ")
    return {"": first} | {heading: text for heading, _, text in (part.partition("\n") for part in others)}


def _leaking() -> Dataset:
    dataset = dataclasses.replace(make_dataset(classes=2), name="FordA")
    train, test = (
        np.where(targets[:, np.newaxis] == 0, np.round(series, 2), series)
        for series, targets in (
            (dataset.train, dataset.train_targets),
            (dataset.test, dataset.test_targets),
        )
    )
    return dataclasses.replace(dataset, train=train, test=test)


@pytest.fixture(scope="module")
def report() -> Report:
    """A report with everything in it, on a data set that leaks as the one does whose name it has."""
    return a_report(_leaking(), folds=2, resamples=2)


@pytest.fixture(scope="module")
def sections(report: Report) -> Mapping[str, str]:
    """The card of it."""
    return sections_of(report)


def test_the_sections_come_in_their_order(sections: Mapping[str, str]) -> None:
    """Results come first; how to make it again comes last."""
    assert list(sections) == [
        "",
        "Results",
        "Why several rows",
        "How far to trust an answer",
        "What the attention is worth",
        "Other splits",
        "Beside the reference",
        "Pictures",
        "Data",
        "How it was trained",
        "Limits",
        "Make it again",
    ]


def test_results_are_the_measured_ones(report: Report, sections: Mapping[str, str]) -> None:
    """Each view's accuracy and calibration error are in its row, noise in a table of its own."""
    evaluation, text = report.evaluation, sections["Results"]
    for title, view in {"as float16": "float16", "rounded to 1 decimal": "rounded_1"}.items():
        figures = f"{evaluation.accuracies[view]:.2%} | {evaluation.calibration_error[view]:.2%}"
        assert f"| {title} | {figures} |" in text
    assert f"at most {100 * evaluation.spread:.2f} points" in text
    assert f"| accuracy | {' | '.join(f'{value:.2%}' for value in evaluation.noise.values())} |" in text
    assert "held out: 55.00%" in text


def test_the_leak_stands_beside_the_model(report: Report, sections: Mapping[str, str]) -> None:
    """The counting classifier's perfect score is in the table with ours, and called what it is."""
    text, leak = sections["Why several rows"], report.evaluation.leak
    assert leak is not None
    assert f"| counting different values, no model at all | 100.00% | {leak.rounded:.2%} |" in text
    assert f"| this model | {report.evaluation.accuracies['stored']:.2%} |" in text
    assert "**The labels leak through rounding**" in text


def test_trust_is_told_by_promise(report: Report, sections: Mapping[str, str]) -> None:
    """Calibration, coverage by level, sizes, and the novelty of each group are there."""
    trust, text = report.trust, sections["How far to trust an answer"]
    assert trust is not None
    for level in ("0.9", "0.95", "0.99"):
        stored, rounded = (trust.coverage[view][level] for view in ("stored", "rounded_2"))
        assert f"| {stored:.2%} | {rounded:.2%} |" in next(
            line for line in text.splitlines() if line.startswith(f"| {float(level):.0%} |")
        )
    assert f"| everything foreign | {trust.separation['stored']:.4f} |" in text
    assert f"| FordB, the same kind of signal | {trust.related['FordB']['stored']:.4f} |" in text
    assert "| flat lines | 200 | 100.00% |" in text
    assert "divided by 0.500" in text


def test_the_worth_of_attention_is_a_difference(report: Report, sections: Mapping[str, str]) -> None:
    """What is lost without attention is shown, also where it is nothing, or less."""
    assert report.trust is not None
    lost = report.evaluation.accuracies["stored"] - report.trust.uniform_attention["stored"]
    assert f"| lost | {100 * lost:.2f} points |" in sections["What the attention is worth"]


def test_resamples_are_listed_with_their_mean(sections: Mapping[str, str]) -> None:
    """Each resample has a row, and the mean stands beside the split that everything else is about."""
    text = sections["Other splits"]
    assert "| 1 | 90.00% | 80.00% |\n| 2 | 91.00% | 81.00% |\n| **mean** | **90.50%** | **80.50%** |" in text


def test_the_document_stands_beside_ours(sections: Mapping[str, str]) -> None:
    """FordA's card has the document's figures, those of its model trained here, and how to get them."""
    text = sections["Beside the reference"]
    assert "| 2 | 61.4 (60.9 on its progress bar) | 57.6, 55.9, 61.3 |" in text
    assert "82.7, 84.5, 85.2" in text
    assert "`python -m training --model reference-perceptron --epochs N --seed S`" in text


def test_training_is_told_as_it_was(sections: Mapping[str, str]) -> None:
    """The teacher, the kinds of series with their shares, the folds and the time are named."""
    text = sections["How it was trained"]
    assert "taught by support vector machines" in text
    assert "40.5 % of an epoch" in text
    assert "2 copies" in text
    assert "9 seconds in all" in text


def test_other_models_and_data_sets_have_less_to_tell() -> None:
    """Without trust, leak, resamples or a document there are no sections on them, and no promises."""
    sections = sections_of(a_report(make_dataset(classes=3), model="reference"))
    missing = {
        "How far to trust an answer",
        "What the attention is worth",
        "Other splits",
        "Beside the reference",
    }
    assert not missing & set(sections)
    assert "counting" not in sections["Why several rows"]
    assert "The probabilities were not calibrated" in sections["Limits"]
    assert "layer for layer" in sections[""]
    assert "It was fitted to the labels of the training series." in sections["How it was trained"]
    assert "the weights of epoch 2" in sections["How it was trained"]


def test_a_model_over_time_is_called_one() -> None:
    """With stretches of time as tokens, the card speaks of them, and of labels instead of a teacher."""
    sections = sections_of(a_report(make_dataset(classes=2), tokens="time", folds=2))
    assert "a transformer over time" in sections[""]
    assert "support vector" not in sections["How it was trained"]
    assert "all of them mixed with another one" in sections["How it was trained"]
