"""The targets of FordA's committed artifact, and how far figures are from them. Pure: measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from training.evaluation.accuracy import NOISE
from training.report.tables import table
from training.studies.targets.figures import Figures

LEAST_ACCURACY = {
    "stored": ("test accuracy, as stored", 0.98),
    "rounded_2": ("test accuracy, test series rounded to 2 decimals (the leak gone)", 0.975),
    "noise": (f"test accuracy with Gaussian noise of deviation {NOISE}", 0.95),
}
MOST_SPREAD = 0.005
MOST_RESAMPLING = 0.01
LEAST_WORTH_OF_ATTENTION = 0.01
MOST_MINUTES = 15.0
MOST_CALIBRATION_ERROR = 0.015
MOST_COVERAGE_GAP = 0.02
LEVELS = ("0.9", "0.95")
LEAST_SEPARATION = 0.98
MOST_PARAMETERS = 100_000
MOST_MILLISECONDS = 2.0

NOT_MEASURED = "not measured"
# Two floats that are the same figure may differ by this much.
SAME = 1e-9


class Row(NamedTuple):
    """A target and what became of it, as text."""

    measure: str
    target: str
    reached: str
    met: str


def rows_of(figures: Figures) -> list[Row]:
    """One row a target."""
    return [
        *_accuracies(figures),
        *_resamples(figures),
        _attention(figures),
        *_trust(figures),
        *_cost(figures),
    ]


def as_markdown(rows: list[Row]) -> str:
    """The rows as a table."""
    return table(["measure", "target", "reached", "met?"], rows)


def missed(rows: list[Row]) -> list[Row]:
    """The rows whose target was measured and not reached."""
    return [row for row in rows if row.met.startswith("MISSED")]


def _accuracies(figures: Figures) -> list[Row]:
    evaluation = figures.evaluation
    rows = [
        _row(measure, f"≥ {100 * least:.1f} %", _percent(reached), 100 * (least - reached))
        for view, (measure, least) in LEAST_ACCURACY.items()
        for reached in [evaluation.accuracies[view]]
    ]
    spread = _row(
        "largest change of accuracy with 3 decimals, 2 decimals, float16 or 6 significant digits",
        f"≤ {100 * MOST_SPREAD:g} points",
        _points(evaluation.spread),
        100 * (evaluation.spread - MOST_SPREAD),
    )
    return [*rows, spread]


def _resamples(figures: Figures) -> list[Row]:
    rows = []
    for view, name in {"stored": "as stored", "rounded_2": "rounded to 2 decimals"}.items():
        measure, target = (
            f"mean over resamples of train + test, {name}",
            "5 of them, within 1 point of the test accuracy",
        )
        if figures.resamples is None:
            rows.append(_unmeasured(measure, target))
            continue
        mean = figures.resamples[view]
        gap = abs(mean - figures.evaluation.accuracies[view])
        rows.append(
            _row(
                measure,
                target,
                f"{_percent(mean)} (sealed, {figures.resample_count} of them)",
                100 * (gap - MOST_RESAMPLING),
            )
        )
    return rows


def _attention(figures: Figures) -> Row:
    measure, target = "accuracy lost when attention is uniform", "clearly more than 0: ≥ 1 point"
    if figures.trust is None:
        return _unmeasured(measure, target)
    lost = {
        view: figures.evaluation.accuracies[view] - accuracy
        for view, accuracy in figures.trust.uniform_attention.items()
    }
    return _row(measure, target, _pair(lost, _points), 100 * (LEAST_WORTH_OF_ATTENTION - lost["stored"]))


def _trust(figures: Figures) -> list[Row]:
    error = figures.evaluation.calibration_error
    return [
        _row(
            "expected calibration error (15 bins)",
            f"≤ {100 * MOST_CALIBRATION_ERROR:g} %",
            _pair(error, _percent),
            100 * (error["stored"] - MOST_CALIBRATION_ERROR),
        ),
        *(_coverage(figures, level) for level in LEVELS),
        _separation(figures),
    ]


def _coverage(figures: Figures, level: str) -> Row:
    measure = f"coverage of the label sets at {float(level):.0%}"
    target = f"within {100 * MOST_COVERAGE_GAP:g} points of it"
    if figures.trust is None:
        return _unmeasured(measure, target)
    shares = {view: by_level[level] for view, by_level in figures.trust.coverage.items()}
    gap = abs(shares["stored"] - float(level))
    return _row(measure, target, _pair(shares, _percent), 100 * (gap - MOST_COVERAGE_GAP))


def _separation(figures: Figures) -> Row:
    measure, target = "telling test series from what is foreign: AUROC", f"≥ {LEAST_SEPARATION}"
    if figures.trust is None:
        return _unmeasured(measure, target)
    areas = figures.trust.separation
    beside = "".join(f"; {name}: {by_view['stored']:.4f}" for name, by_view in figures.trust.related.items())
    reached = _pair(areas, "{:.4f}".format) + beside
    return _row(measure, target, reached, LEAST_SEPARATION - areas["stored"], unit="", digits=4)


def _cost(figures: Figures) -> list[Row]:
    minutes, milliseconds = figures.training_seconds / 60, figures.milliseconds
    cost = "one call with 32 series, OpenVINO, 1 thread"
    limit = f"≤ {MOST_MILLISECONDS:.1f} ms (measured on an AMD EPYC with AVX-512)"
    return [
        _row(
            "training time on 2 cores",
            f"≤ {MOST_MINUTES:g} min",
            f"{minutes:.1f} min (sealed)",
            minutes - MOST_MINUTES,
            unit="min",
            digits=1,
        ),
        _row(
            "parameters",
            f"≤ {MOST_PARAMETERS:,}",
            f"{figures.parameters:,}",
            figures.parameters - MOST_PARAMETERS,
            unit="parameters",
            digits=0,
        ),
        _unmeasured(cost, limit)
        if milliseconds is None
        else _row(cost, limit, f"{milliseconds:.2f} ms", milliseconds - MOST_MILLISECONDS, unit="ms"),
    ]


def _row(
    measure: str, target: str, reached: str, excess: float, *, unit: str = "points", digits: int = 2
) -> Row:
    """A row; `excess` is by how much the target is missed, in units, if it is above 0."""
    if excess <= SAME:
        return Row(measure, target, reached, "yes")
    least = 10.0**-digits
    distance = f"{excess:,.{digits}f}" if excess >= least / 2 else f"less than {least:g}"
    return Row(measure, target, reached, f"MISSED by {distance} {unit}".rstrip())


def _unmeasured(measure: str, target: str) -> Row:
    return Row(measure, target, NOT_MEASURED, NOT_MEASURED)


def _pair(values: Mapping[str, float], show: Callable[[float], str]) -> str:
    """The figure that counts, as stored, with the one on rounded series beside it."""
    return f"{show(values['stored'])} (rounded: {show(values['rounded_2'])})"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:.2f} points"
