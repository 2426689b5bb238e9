"""Calibration, conformal label sets and OOD score on the test series; empty for a model without trust."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from training.evaluation.trust import TrustEvaluation, novelty_groups
from training.model.spectrum import window_lengths
from training.report.report import Report
from training.report.tables import PAIR, paragraphs, percent, table

# Number of the archive's other data sets that are named, those with the lowest detection rate.
NAMED = 3
# Row of the table of set sizes to the least and the most labels.
SIZES: Mapping[str, tuple[int, float]] = MappingProxyType(
    {"empty": (0, 0), "one label": (1, 1), "two labels": (2, 2), "more labels": (3, math.inf)}
)


def intro(report: Report) -> str:
    """What the settings of this section come from, and what they are measured on."""
    if report.trust is None:
        return ""
    return (
        "Temperature, thresholds and quantiles were set on held-out training series, as stored and rounded "
        "to 2 decimals. The figures are measured on the test series."
    )


def calibration(report: Report) -> str:
    """Temperature and expected calibration error."""
    if report.trust is None:
        return ""
    errors = report.evaluation.calibration_error
    return (
        f"Temperature scaling: the logits are divided by {report.trained.temperature:.3f} before the "
        f"softmax. Expected calibration error (15 bins): {percent(errors['stored'])} as stored, "
        f"{percent(errors['rounded_2'])} rounded to 2 decimals."
    )


def label_sets(report: Report) -> str:
    """Thresholds and coverage of each level, and sizes of the sets that the service returns."""
    sealed, measured = report.trained.trust, report.trust
    if sealed is None or measured is None:
        return ""
    sets, coverage, sizes = sealed.label_sets, measured.coverage, measured.set_sizes
    levels = [
        [f"{float(level):.0%}", f"{threshold:.4f}", *(percent(coverage[view][level]) for view in PAIR)]
        for level, threshold in sets.thresholds.items()
    ]
    shares = [
        [title, *(percent(sizes[view].share(least, most)) for view in PAIR)]
        for title, (least, most) in SIZES.items()
        if any(sizes[view].share(least, most) for view in PAIR)
    ]
    right = [sizes[view].single_accuracy for view in PAIR]
    single = ["no such set" if share is None else percent(share) for share in right]
    return paragraphs(
        "A label set holds every label whose probability reaches a threshold (split conformal prediction). "
        "It is empty if the OOD score is above the OOD threshold. Coverage is the share of series whose set "
        "holds the true label:",
        table(["level", "threshold", *(f"coverage, {title}" for title in PAIR.values())], levels),
        f"Share of series by the size of their set, at {sets.level:.0%}, the level that the service uses:",
        table(["label set", *PAIR.values()], [*shares, ["accuracy of the sets with one label", *single]]),
        "Abstention: with `?abstain=true` the service returns a label only if the set holds exactly one.",
    )


def ood_score(report: Report) -> str:
    """AUROC against other series, and the share of each group above the threshold."""
    sealed, measured = report.trained.trust, report.trust
    if sealed is None or measured is None:
        return ""
    threshold = sealed.novelty.threshold
    windows = " and ".join(map(str, window_lengths(report.config, report.dataset.length)))
    areas = {"other data sets and synthetic series": measured.ood_auroc} | {
        f"{name} (same kind of signal)": by_view for name, by_view in measured.near_ood_auroc.items()
    }
    shares = [
        [name, f"{len(scores):,}", percent(float(np.mean(scores > threshold)))]
        for kind in novelty_groups(report.evaluation, measured, name=report.dataset.name)
        for name, scores in kind.items()
    ]
    return paragraphs(
        "The graph's output `novelty` is the logarithm of a Mahalanobis distance: how far the logarithm of "
        f"the series' mean power spectrum (Hann windows of {windows} samples) is from the training series. "
        "The service returns its rank among held-out training series as `ood_score`, from 0 to 1.",
        "AUROC of the score, test series against other series, stretched to the same length:",
        table(
            ["other series", *PAIR.values()],
            [[name, *(f"{by_view[view]:.4f}" for view in PAIR)] for name, by_view in areas.items()],
        ),
        "Share of series above the OOD threshold: false alarms among the test series, detections among the "
        "others.",
        table(["series", "number", "above the threshold"], shares),
        _least_detected(measured, threshold),
    )


def _least_detected(measured: TrustEvaluation, threshold: float) -> str:
    """A sentence on the archive's data sets with the lowest detection rate; empty if all are detected."""
    detected = {
        name: float(np.mean(group.novelty > threshold))
        for name, group in measured.ood_groups.items()
        if group.kind == "archive"
    }
    least = [name for name in sorted(detected, key=lambda name: detected[name])[:NAMED] if detected[name] < 1]
    shares = ", ".join(f"{name} ({percent(detected[name])})" for name in least)
    return f"Other data sets with the lowest detection rate: {shares}." if least else ""


def drift(report: Report) -> str:
    """What the reference for drift rests on, and what score and alarm do and do not mean."""
    reference = report.trained.drift
    if reference is None:
        return ""
    rows = [
        [
            view.name,
            f"{view.series:,}",
            f"{view.ood_score_sum / view.series:.3f}",
            f"{view.confidence_sum / view.series:.3f}",
            percent(view.warnings["unlike_training_data"] / view.series),
        ]
        for view in reference.views
    ]
    return paragraphs(
        "`GET /drift` compares the series that are served with these sums over held-out training series, in "
        "each form in which clients are expected to send them:",
        table(["view", "series", "mean OOD score", "mean confidence", "unlike the training data"], rows),
        "An OOD score says how unusual a series is among the training series, not whether its prediction is "
        "right. A drift alarm says that the series together are not distributed like the training data, not "
        "since when, and not that predictions are wrong: only labelled series can tell. Where classes are "
        "more or less frequent in use than in training, the alarm is raised for that alone.",
    )
