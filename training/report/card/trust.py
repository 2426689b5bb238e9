"""Whether probabilities, label sets and novelty keep their promises, and whether attention does anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from app.contract import Trust
from training.evaluation.trust import TrustEvaluation, novelty_groups
from training.report.report import Report
from training.report.tables import PAIR, paragraphs, percent, points, table

# Of the archive's other data sets, so many are named: those with the least share found.
NAMED = 3
# What sets are counted as: their least and most labels.
SIZES: Mapping[str, tuple[int, float]] = MappingProxyType(
    {"no label": (0, 0), "one label": (1, 1), "two labels": (2, 2), "more labels": (3, math.inf)}
)


def trust(report: Report) -> str:
    """The three promises and what became of them on the test series; empty for a model without."""
    sealed, measured = report.trained.trust, report.trust
    if sealed is None or measured is None:
        return ""
    errors = report.evaluation.calibration_error
    return paragraphs(
        "All of this was set on training series that the model which answered had not been fitted to, as "
        "stored and rounded to 2 decimals, and is measured here on the test series.",
        "**Probabilities** are those of a softmax whose logits are divided by "
        f"{report.trained.temperature:.3f}, inside the graph. Expected calibration error: "
        f"{percent(errors['stored'])} as stored, {percent(errors['rounded_2'])} rounded to 2 decimals.",
        _label_sets(sealed, measured),
        _novelty(report, sealed, measured),
    )


def attention(report: Report) -> str:
    """Accuracy with and without attention; empty for a model without trust."""
    if report.trust is None:
        return ""
    with_it, without = report.evaluation.accuracies, report.trust.uniform_attention
    rows = [
        ["as trained", *(percent(with_it[view]) for view in PAIR)],
        ["every token attends to all alike", *(percent(without[view]) for view in PAIR)],
        ["lost", *(points(with_it[view] - without[view]) for view in PAIR)],
    ]
    return paragraphs(
        "The same weights, but for the queries, which are set to 0, so that all attention is uniform:",
        table(["", *PAIR.values()], rows),
    )


def _label_sets(sealed: Trust, measured: TrustEvaluation) -> str:
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
    single = ["there is none" if share is None else percent(share) for share in right]
    return paragraphs(
        "**Label sets** hold every label whose probability reaches a threshold. Share of series whose true "
        "label is in the set:",
        table(["level", "least probability", *PAIR.values()], levels),
        f"What the sets hold at {sets.level:.0%}, the level that the service answers at:",
        table(
            ["the set holds", *PAIR.values()],
            [*shares, ["where it is one label, it is the true one", *single]],
        ),
    )


def _novelty(report: Report, sealed: Trust, measured: TrustEvaluation) -> str:
    limit = sealed.novelty.threshold
    areas = {"everything foreign": measured.separation} | {
        f"{name}, the same kind of signal": by_view for name, by_view in measured.related.items()
    }
    shares = [
        [name, f"{len(scores):,}", percent(float(np.mean(scores > limit)))]
        for kind in novelty_groups(report.evaluation, measured, name=report.dataset.name)
        for name, scores in kind.items()
    ]
    return paragraphs(
        "**Novelty** is how far a series' spectrum is from those of the training series. Area under the ROC "
        "curve that tells the test series from others, which are stretched to the same length:",
        table(
            ["others", *PAIR.values()],
            [[name, *(f"{by_view[view]:.4f}" for view in PAIR)] for name, by_view in areas.items()],
        ),
        "Share that is called unlike the training data:",
        table(["series", "number", "called unlike"], shares),
        _missed(measured, limit),
    )


def _missed(measured: TrustEvaluation, limit: float) -> str:
    """A sentence on the archive's data sets that are found least; empty if all of their series are found."""
    found = {
        name: float(np.mean(group.novelty > limit))
        for name, group in measured.foreign.items()
        if group.origin == "archive"
    }
    least = [name for name in sorted(found, key=lambda name: found[name])[:NAMED] if found[name] < 1]
    shares = ", ".join(f"{name} ({percent(found[name])})" for name in least)
    return f"Of the other data sets, these are found least: {shares}." if least else ""
