"""Accuracy of all views of the test series, label leak, resampled splits and attention ablation."""

from __future__ import annotations

from app.series.scores import interval
from training.evaluation.accuracy import NOISE
from training.evaluation.rounding_leak import RoundingLeak
from training.report.report import Report, means_of
from training.report.tables import PAIR, paragraphs, percent, points, table

VIEWS = {
    "stored": "as stored",
    "six_digits": "to 6 significant digits",
    "float16": "as float16",
    "rounded_3": "rounded to 3 decimals",
    "rounded_2": "**rounded to 2 decimals**",
    "rounded_1": "rounded to 1 decimal",
    "noise": f"with white noise of standard deviation {NOISE}",
}
# An accuracy of the distinct-value count above this is reported as a leak.
LEAKS = 0.9


def accuracy(report: Report) -> str:
    """Accuracy and calibration error of each view, confidence interval, and accuracy under noise."""
    evaluation, count, held_out = report.evaluation, len(report.dataset.test), report.held_out_accuracy
    rows = [
        [title, percent(evaluation.accuracies[view]), percent(evaluation.calibration_error[view])]
        for view, title in VIEWS.items()
    ]
    noise = evaluation.noise
    low, high = interval(evaluation.accuracies["stored"], count)
    return paragraphs(
        f"The {count:,} test series were not used in training. Settings were chosen on held-out training "
        "series.",
        table(["test series", "accuracy", "expected calibration error (15 bins)"], rows),
        f"The 95% confidence interval of the accuracy as stored is {percent(low)} to {percent(high)}. The "
        "accuracy with 6 significant digits, as float16, or with 3 or 2 decimals differs from it by at most "
        f"{points(evaluation.spread)}.",
        "Accuracy under white noise; its standard deviation is in units of the series' standard deviation:",
        table(
            ["standard deviation", *(f"{deviation:g}" for deviation in noise)],
            [["accuracy", *map(percent, noise.values())]],
        ),
        "" if held_out is None else f"Accuracy on held-out training series: {percent(held_out)}.",
    )


def precision_leak(report: Report) -> str:
    """Why rounded series are evaluated, and how far the precision of the stored values reveals the label."""
    leak, accuracies = report.evaluation.rounding_leak, report.evaluation.accuracies
    why = "Clients often send fewer decimals than the data set's files have: see the rounded series above."
    if leak is None:
        return why
    rows = [
        ["this model", *(percent(accuracies[view]) for view in PAIR)],
        ["distinct-value count alone", percent(leak.stored), percent(leak.rounded)],
    ]
    return paragraphs(
        f"{why} The stored precision may also reveal the label. To measure this, a classifier uses only "
        f"the number of distinct values in a series ({_counts(report, leak)}). Accuracy:",
        table(["classifier", *PAIR.values()], rows),
        _verdict(leak),
    )


def resampled_splits(report: Report) -> str:
    """Accuracies on resamples of train and test; empty if there were none."""
    if not report.resamples:
        return ""
    means, given = means_of(report.resamples), report.evaluation.accuracies
    rows = [
        *(
            [str(number), *(percent(accuracies[view]) for view in PAIR)]
            for number, accuracies in enumerate(report.resamples, start=1)
        ),
        ["**mean**", *(f"**{percent(means[view])}**" for view in PAIR)],
        ["data set's own split", *(percent(given[view]) for view in PAIR)],
    ]
    return paragraphs(
        "The training was repeated with the same settings on stratified resamples of all series, with "
        "training and test sets of the same sizes. Test accuracy:",
        table(["resample", *PAIR.values()], rows),
    )


def attention_ablation(report: Report) -> str:
    """Accuracy with trained and with uniform attention; empty for a model without trust."""
    if report.trust is None:
        return ""
    trained, uniform = report.evaluation.accuracies, report.trust.uniform_attention
    rows = [
        ["trained attention", *(percent(trained[view]) for view in PAIR)],
        ["uniform attention", *(percent(uniform[view]) for view in PAIR)],
        ["difference", *(points(trained[view] - uniform[view]) for view in PAIR)],
    ]
    return paragraphs(
        "For uniform attention, the queries are set to 0: each token attends to all tokens equally. All "
        "other weights are unchanged. Accuracy:",
        table(["", *PAIR.values()], rows),
    )


def _counts(report: Report, leak: RoundingLeak) -> str:
    return " and ".join(
        "{} to {} for `{}`".format(*leak.ranges[label.name], label.name)
        for label in report.labels
        if label.name in leak.ranges
    )


def _verdict(leak: RoundingLeak) -> str:
    if leak.stored <= LEAKS:
        return "The stored precision alone reveals little about the label."
    return (
        "**The labels leak through rounding**: the files store the two classes with different precision. A "
        "model that relies on this fails on series from any other source. Judge a model by its accuracy on "
        "the series rounded to 2 decimals."
    )
