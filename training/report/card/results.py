"""Accuracies: all views of the test series, the leak that makes them necessary, and other splits."""

from __future__ import annotations

from app.series.scores import interval
from training.evaluation.accuracy import NOISE
from training.evaluation.rounding_leak import Leak
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
# Above this, counting distinct values tells so much that the files' precision must have to do with it.
LEAKS = 0.9


def results(report: Report) -> str:
    """Accuracies on all views, how certain they are, and what precision and noise change."""
    evaluation, count, held_out = report.evaluation, len(report.dataset.test), report.held_out_accuracy
    rows = [
        [title, percent(evaluation.accuracies[view]), percent(evaluation.calibration_error[view])]
        for view, title in VIEWS.items()
    ]
    noise = evaluation.noise
    low, high = interval(evaluation.accuracies["stored"], count)
    return paragraphs(
        f"On the {count:,} test series, which had no part in training; settings were chosen on training "
        "series that were held out:",
        table(["test series", "accuracy", "calibration error"], rows),
        f"With so many series, the 95 % interval of the first figure goes from {percent(low)} to "
        f"{percent(high)}. Whether the values come as stored, with 6 significant digits, as float16, or with "
        f"3 or 2 decimals changes the accuracy by at most {points(evaluation.spread)}. The calibration error "
        "is the expected one, of 15 bins: how far probabilities are from how often they are right.",
        table(
            ["standard deviation of white noise", *(f"{deviation:g}" for deviation in noise)],
            [["accuracy", *map(percent, noise.values())]],
        ),
        "" if held_out is None else f"On training series that were held out: {percent(held_out)}.",
    )


def why_several_rows(report: Report) -> str:
    """What clients send, and what the precision of the stored values gives away by itself."""
    leak, accuracies = report.evaluation.leak, report.evaluation.accuracies
    why = "Clients rarely send all the decimals of a data set's files: a result on those alone is not enough."
    if leak is None:
        return why
    rows = [
        ["this model", *(percent(accuracies[view]) for view in PAIR)],
        ["counting different values, no model at all", percent(leak.stored), percent(leak.rounded)],
    ]
    return paragraphs(
        f"{why} And the files may tell more than the signal does. The simplest classifier to show it only "
        f"counts how many different values a series has ({_counts(report, leak)}):",
        table(["", *PAIR.values()], rows),
        _verdict(leak),
    )


def other_splits(report: Report) -> str:
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
        ["the split above", *(percent(given[view]) for view in PAIR)],
    ]
    return paragraphs(
        "One split may be kind to a model. So it was trained again, with the same settings, on stratified "
        "resamples of training and test series put together, of the same sizes:",
        table(["resample", *PAIR.values()], rows),
    )


def _counts(report: Report, leak: Leak) -> str:
    return " and ".join(
        "{} to {} for `{}`".format(*leak.ranges[label.name], label.name)
        for label in report.labels
        if label.name in leak.ranges
    )


def _verdict(leak: Leak) -> str:
    if leak.stored <= LEAKS:
        return "So the precision of the stored values gives little away by itself."
    return (
        "**The labels leak through rounding**: the two classes were stored with different precision. That "
        "count is worth nothing on series from anywhere else, and so is whatever a model has learnt of it: "
        "even a perfect score on the stored files need not mean anything. Judge a model by the right column."
    )
