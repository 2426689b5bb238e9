"""The model card reports what was measured, and omits what was not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import numpy as np
import pytest

from app.contract import Curve, Faithfulness
from tests.support.explanation_reference import perturbations
from training.evaluation.explanation import ExplanationMeasurement
from training.report.card import card_of
from training.report.report import Report

PICTURES = {"Learning curves": "learning_curve.png"}


def sections_of(report: Report) -> Mapping[str, str]:
    """Heading of each section to its text; the summary has no heading."""
    first, *others = re.split(r"\n###? ", card_of(report, PICTURES))
    return {"": first} | {heading: text for heading, _, text in (part.partition("\n") for part in others)}


@pytest.fixture
def report(full_report: Report) -> Report:
    """A report with all parts, on a data set with FordA's name and a label leak like FordA's."""
    return full_report


@pytest.fixture
def sections(report: Report) -> Mapping[str, str]:
    """The sections of its card."""
    return sections_of(report)


def test_the_sections_come_in_their_order(report: Report, sections: Mapping[str, str]) -> None:
    """The card starts with a summary and has the usual sections of a model card."""
    accuracies = report.evaluation.accuracies
    assert (
        f"24 test series: {accuracies['stored']:.2%} as stored, {accuracies['rounded_2']:.2%}" in sections[""]
    )
    assert list(sections) == [
        "",
        "Model details",
        "Intended use",
        "Training data",
        "Training procedure",
        "Evaluation",
        "Accuracy",
        "Precision of the values",
        "Resampled splits",
        "Attention ablation",
        "Comparison with the Keras example",
        "Calibration and uncertainty",
        "Calibration",
        "Label sets",
        "OOD score",
        "Drift",
        "Limitations",
        "Figures",
        "Reproduction",
    ]


def test_accuracy_has_a_row_for_each_view(report: Report, sections: Mapping[str, str]) -> None:
    """Each view's accuracy and calibration error are in its row; noise has a table of its own."""
    evaluation, text = report.evaluation, sections["Accuracy"]
    for title, view in {"as float16": "float16", "rounded to 1 decimal": "rounded_1"}.items():
        figures = f"{evaluation.accuracies[view]:.2%} | {evaluation.calibration_error[view]:.2%}"
        assert f"| {title} | {figures} |" in text
    assert f"at most {100 * evaluation.spread:.2f} points" in text
    assert f"| accuracy | {' | '.join(f'{value:.2%}' for value in evaluation.noise.values())} |" in text
    assert "held-out training series: 55.00%" in text


def test_the_leak_is_compared_with_the_model(report: Report, sections: Mapping[str, str]) -> None:
    """The accuracy of the distinct-value count is beside the model's, and is called a leak."""
    text, leak = sections["Precision of the values"], report.evaluation.rounding_leak
    assert leak is not None
    assert f"| distinct-value count alone | 100.00% | {leak.rounded:.2%} |" in text
    assert f"| this model | {report.evaluation.accuracies['stored']:.2%} |" in text
    assert "**The labels leak through rounding**" in text


def test_uncertainty_is_reported_in_three_parts(report: Report, sections: Mapping[str, str]) -> None:
    """Temperature, coverage by level, AUROC and the detection rate of each group are in the card."""
    trust = report.trust
    assert trust is not None
    for level in ("0.9", "0.95", "0.99"):
        stored, rounded = (trust.coverage[view][level] for view in ("stored", "rounded_2"))
        assert f"| {stored:.2%} | {rounded:.2%} |" in next(
            line for line in sections["Label sets"].splitlines() if line.startswith(f"| {float(level):.0%} |")
        )
    ood = sections["OOD score"]
    assert f"| other data sets and synthetic series | {trust.ood_auroc['stored']:.4f} |" in ood
    assert f"| FordB (same kind of signal) | {trust.near_ood_auroc['FordB']['stored']:.4f} |" in ood
    assert "| flat lines | 200 | 100.00% |" in ood
    assert "divided by 0.500" in sections["Calibration"]


def test_the_attention_ablation_has_a_difference(report: Report, sections: Mapping[str, str]) -> None:
    """The difference between trained and uniform attention is shown, also if it is 0 or negative."""
    assert report.trust is not None
    lost = report.evaluation.accuracies["stored"] - report.trust.uniform_attention["stored"]
    assert f"| difference | {100 * lost:.2f} points |" in sections["Attention ablation"]


def test_resamples_are_listed_with_their_mean(sections: Mapping[str, str]) -> None:
    """Each resample has a row, followed by the mean and by the data set's own split."""
    text = sections["Resampled splits"]
    assert "| 2 | 91.00% | 81.00% |\n| 3 | 92.00% | 82.00% |\n| **mean** | **91.00%** | **81.00%** |" in text
    assert "| data set's own split |" in text


def test_the_keras_example_is_compared(sections: Mapping[str, str]) -> None:
    """FordA's card has the published figures, the figures reached here, and the command."""
    text = sections["Comparison with the Keras example"]
    assert "| 2 | 61.4 (60.9 on its progress bar) | 57.6, 55.9, 61.3 |" in text
    assert "82.7, 84.5, 85.2" in text
    assert "`python -m training --model reference-perceptron --epochs N --seed S`" in text


def test_the_training_procedure_is_complete(sections: Mapping[str, str]) -> None:
    """The teacher, the kinds of series with their shares, the folds and the time are named."""
    text = sections["Training procedure"]
    assert "the teachers are support vector machines" in text
    assert "- 40.5%: series as stored" in text
    assert "2 more models" in text
    assert "Training time of all fits: 9 s." in text


def test_other_models_and_data_sets_have_fewer_sections(reference_report: Report) -> None:
    """Without trust, leak, resamples or published figures, their sections are left out."""
    sections = sections_of(reference_report)
    missing = {
        "Calibration and uncertainty",
        "Label sets",
        "OOD score",
        "Attention ablation",
        "Resampled splits",
        "Comparison with the Keras example",
    }
    assert not missing & set(sections)
    assert "distinct-value" not in sections["Precision of the values"]
    assert "The probabilities are not calibrated" in sections["Limitations"]
    assert "layer for layer" in sections["Model details"]
    procedure = sections["Training procedure"]
    assert "fitted to the labels of the training series. Augmentation: none." in procedure
    assert "The weights of epoch 2" in procedure


def test_a_model_over_time_is_described(report_over_time: Report) -> None:
    """With tokens over time, the card names them, and labels instead of a teacher."""
    sections = sections_of(report_over_time)
    assert "transformer over time" in sections["Model details"]
    assert "support vector" not in sections["Training procedure"]
    assert "100% are mixed with another series" in sections["Training procedure"]


def test_explanations_have_the_figures_of_all_candidates(report: Report) -> None:
    """With the one that is used marked; without a measurement there is no such section."""
    assert "Explanations" not in sections_of(report)
    series = report.dataset.test.astype(np.float32)
    perturbed = perturbations(series)
    curve = Curve(most_first=0.111, random=0.222, least_first=0.333)
    other = Faithfulness(deletion=curve, insertion=curve, unlike=None, unlike_in_curves=0.9)
    measured = ExplanationMeasurement(
        perturbed,
        {
            "time": {"smooth_window": perturbed.time.faithfulness, "interpolated_gap": other},
            "frequency": {"band_gain": perturbed.frequency.faithfulness},
            "cells": {"cell_gain": perturbed.cells.faithfulness},
        },
    )
    text = sections_of(dataclasses.replace(report, explanation=measured))["Explanations"]
    assert "(`smooth_window`), **used** | 0.500 / 0.700 / 0.900" in text
    assert "(`interpolated_gap`) | 0.111 / 0.222 / 0.333 | 0.111 / 0.222 / 0.333 | - | 90.00%" in text
    assert f"Measured on {len(series)} training series" in text


def test_the_card_says_what_drift_is_measured_against(full_report: Report, reference_report: Report) -> None:
    """How many series, in which views, and what score and alarm do not mean."""
    card = card_of(full_report, {})
    section = card.partition("### Drift\n")[2].partition("\n## ")[0]
    assert "| stored | 48 | " in section
    assert "| rounded_2 | 48 | " in section
    assert "not whether its prediction is right" in section
    assert "not that predictions are wrong" in section
    assert "### Drift" not in card_of(reference_report, {})
