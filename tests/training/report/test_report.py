"""The report's metrics and files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.report.reports import PICTURES
from training.evaluation.accuracy import views
from training.report.report import METRICS, Report, means_of, metrics_of
from training.report.write import write_report


@pytest.fixture
def report(full_report: Report) -> Report:
    """A report with trust, folds and resamples."""
    return full_report


@pytest.fixture
def baseline(reference_report: Report) -> Report:
    """The report of a baseline, which has no trust."""
    return reference_report


def test_every_view_has_a_metric() -> None:
    """Each view of the test set has a name in the contract."""
    assert set(METRICS) == set(views(np.ones((1, 8))))


def test_metrics_are_the_figures_of_the_evaluation(report: Report) -> None:
    """All metrics are in the contract under their names."""
    metrics, evaluation, trust = metrics_of(report), report.evaluation, report.trust
    assert trust is not None
    wanted = {
        "accuracy": evaluation.accuracies["stored"],
        "accuracy_float16": evaluation.accuracies["float16"],
        "largest_change_with_precision": evaluation.spread,
        "held_out_accuracy": 0.55,
        "expected_calibration_error": evaluation.calibration_error["stored"],
        "expected_calibration_error_rounded_2_decimals": evaluation.calibration_error["rounded_2"],
        "coverage_90": trust.coverage["stored"]["0.9"],
        "coverage_95_rounded_2_decimals": trust.coverage["rounded_2"]["0.95"],
        "coverage_99": trust.coverage["stored"]["0.99"],
        "ood_auroc": trust.ood_auroc["stored"],
        "ood_auroc_rounded_2_decimals": trust.ood_auroc["rounded_2"],
        "accuracy_uniform_attention": trust.uniform_attention["stored"],
        "resamples_mean_accuracy": 0.91,
        "resamples_mean_accuracy_rounded_2_decimals": 0.81,
    }
    assert {name: metrics[name] for name in wanted} == pytest.approx(wanted)
    assert all(0 <= value <= 1 for value in metrics.values())


def test_a_baseline_has_no_metrics_of_trust(baseline: Report) -> None:
    """A baseline has no metrics of trust; its held-out accuracy is that of the kept epoch."""
    metrics = metrics_of(baseline)
    assert not [name for name in metrics if name.startswith(("coverage", "ood", "resamples"))]
    assert "accuracy_uniform_attention" not in metrics
    assert metrics["held_out_accuracy"] == 0.625


def test_training_time_includes_all_fits(report: Report, baseline: Report) -> None:
    """The training time includes the fits without each fold."""
    assert report.training_seconds == pytest.approx(3 * 2 * 1.5)
    assert baseline.training_seconds == pytest.approx(2 * 1.5)


def test_means_are_over_resamples() -> None:
    """Means are computed for each view."""
    assert means_of([{"a": 0.5, "b": 1.0}, {"a": 1.0, "b": 0.0}]) == {"a": 0.75, "b": 0.5}


def test_everything_is_written(report: Report, tmp_path: Path) -> None:
    """Metrics, history of all fits, plots and card are written; their names are returned."""
    names = write_report(report, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    assert set(names) == {"CARD.md", "metrics.json", "history.csv"} | PICTURES
    written = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert written["test"]["accuracy"] == report.evaluation.accuracies["stored"]
    assert np.sum(written["confusion"]["rows_are_true"]) == len(report.dataset.test)
    assert written["trust"]["share_called_unlike"]["flat lines"] == 1
    assert written["resamples"][2] == pytest.approx({"stored": 0.92, "rounded_2": 0.82})
    with (tmp_path / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["fit"], row["epoch"]) for row in rows] == [
        (fit, str(epoch)) for fit in ("final", "fold 1", "fold 2") for epoch in (1, 2)
    ]
    assert (rows[0]["val_loss"], rows[2]["val_loss"]) == ("", "0.6")


def test_a_baseline_has_fewer_files(baseline: Report, tmp_path: Path) -> None:
    """Without trust and spectra, their plots and metrics are left out."""
    names = write_report(baseline, tmp_path)
    assert not {"novelty.png", "spectra.png"} & set(names)
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["trust"] is None
