"""The targets for FordA's committed artifact, and how far its metrics are from them. Measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from training.evaluation.accuracy import NOISE
from training.report.tables import percent, points, table
from training.studies.targets.metrics import ArtifactMetrics

LEAST_ACCURACY = {
    "stored": ("test accuracy, as stored", 0.98),
    "rounded_2": ("test accuracy, test series rounded to 2 decimals (no leak)", 0.975),
    "noise": (f"test accuracy with Gaussian noise of deviation {NOISE}", 0.95),
}
MOST_SPREAD = 0.005
MOST_RESAMPLING = 0.01
LEAST_LOSS_WITHOUT_ATTENTION = 0.01
MOST_MINUTES = 15.0
MOST_CALIBRATION_ERROR = 0.015
MOST_COVERAGE_GAP = 0.02
LEVELS = ("0.9", "0.95")
LEAST_OOD_AUROC = 0.98
MOST_PARAMETERS = 100_000
MOST_MILLISECONDS = 2.0

NOT_MEASURED = "not measured"
# Tolerance for rounding errors of floats.
TOLERANCE = 1e-9


class TargetResult(NamedTuple):
    """A target and the measured value, as text."""

    measure: str
    target: str
    reached: str
    met: str


def target_results(metrics: ArtifactMetrics) -> list[TargetResult]:
    """Compare metrics with all targets."""
    return [
        *_accuracies(metrics),
        *_resamples(metrics),
        _attention(metrics),
        *_trust(metrics),
        *_cost(metrics),
    ]


def targets_table(results: list[TargetResult]) -> str:
    """The results as a Markdown table."""
    return table(["measure", "target", "reached", "met?"], results)


def missed(results: list[TargetResult]) -> list[TargetResult]:
    """The results whose target was measured and missed."""
    return [row for row in results if row.met.startswith("MISSED")]


def _accuracies(metrics: ArtifactMetrics) -> list[TargetResult]:
    evaluation = metrics.evaluation
    results = [
        _result(measure, f"≥ {100 * least:.1f}%", percent(reached), 100 * (least - reached))
        for view, (measure, least) in LEAST_ACCURACY.items()
        for reached in [evaluation.accuracies[view]]
    ]
    spread = _result(
        "largest change of accuracy with 3 decimals, 2 decimals, float16 or 6 significant digits",
        f"≤ {100 * MOST_SPREAD:g} points",
        points(evaluation.spread),
        100 * (evaluation.spread - MOST_SPREAD),
    )
    return [*results, spread]


def _resamples(metrics: ArtifactMetrics) -> list[TargetResult]:
    results = []
    for view, name in {"stored": "as stored", "rounded_2": "rounded to 2 decimals"}.items():
        measure, target = (
            f"mean over resamples of train + test, {name}",
            "5 of them, within 1 point of the test accuracy",
        )
        if metrics.resamples is None:
            results.append(_unmeasured(measure, target))
            continue
        mean = metrics.resamples[view]
        gap = abs(mean - metrics.evaluation.accuracies[view])
        results.append(
            _result(
                measure,
                target,
                f"{percent(mean)} (sealed, {metrics.resample_count} of them)",
                100 * (gap - MOST_RESAMPLING),
            )
        )
    return results


def _attention(metrics: ArtifactMetrics) -> TargetResult:
    measure, target = "accuracy lost when attention is uniform", "≥ 1 point"
    if metrics.trust is None:
        return _unmeasured(measure, target)
    lost = {
        view: metrics.evaluation.accuracies[view] - accuracy
        for view, accuracy in metrics.trust.uniform_attention.items()
    }
    return _result(
        measure, target, _pair(lost, points), 100 * (LEAST_LOSS_WITHOUT_ATTENTION - lost["stored"])
    )


def _trust(metrics: ArtifactMetrics) -> list[TargetResult]:
    error = metrics.evaluation.calibration_error
    return [
        _result(
            "expected calibration error (15 bins)",
            f"≤ {100 * MOST_CALIBRATION_ERROR:g}%",
            _pair(error, percent),
            100 * (error["stored"] - MOST_CALIBRATION_ERROR),
        ),
        *(_coverage(metrics, level) for level in LEVELS),
        _ood_auroc(metrics),
    ]


def _coverage(metrics: ArtifactMetrics, level: str) -> TargetResult:
    measure = f"coverage of the label sets at {float(level):.0%}"
    target = f"within {100 * MOST_COVERAGE_GAP:g} points of it"
    if metrics.trust is None:
        return _unmeasured(measure, target)
    shares = {view: by_level[level] for view, by_level in metrics.trust.coverage.items()}
    gap = abs(shares["stored"] - float(level))
    return _result(measure, target, _pair(shares, percent), 100 * (gap - MOST_COVERAGE_GAP))


def _ood_auroc(metrics: ArtifactMetrics) -> TargetResult:
    measure, target = "AUROC of the OOD score, test series against other series", f"≥ {LEAST_OOD_AUROC}"
    if metrics.trust is None:
        return _unmeasured(measure, target)
    areas = metrics.trust.ood_auroc
    near = metrics.trust.near_ood_auroc
    reached = _pair(areas, "{:.4f}".format)
    reached += "".join(f"; {name}: {by_view['stored']:.4f}" for name, by_view in near.items())
    return _result(measure, target, reached, LEAST_OOD_AUROC - areas["stored"], unit="", digits=4)


def _cost(metrics: ArtifactMetrics) -> list[TargetResult]:
    minutes, milliseconds = metrics.training_seconds / 60, metrics.milliseconds
    cost = "one call with 32 series, OpenVINO, 1 thread"
    limit = f"≤ {MOST_MILLISECONDS:.1f} ms (measured on an AMD EPYC with AVX-512)"
    return [
        _result(
            "training time on 2 cores",
            f"≤ {MOST_MINUTES:g} min",
            f"{minutes:.1f} min (sealed)",
            minutes - MOST_MINUTES,
            unit="min",
            digits=1,
        ),
        _result(
            "parameters",
            f"≤ {MOST_PARAMETERS:,}",
            f"{metrics.parameters:,}",
            metrics.parameters - MOST_PARAMETERS,
            unit="parameters",
            digits=0,
        ),
        _unmeasured(cost, limit)
        if milliseconds is None
        else _result(cost, limit, f"{milliseconds:.2f} ms", milliseconds - MOST_MILLISECONDS, unit="ms"),
    ]


def _result(
    measure: str, target: str, reached: str, excess: float, *, unit: str = "points", digits: int = 2
) -> TargetResult:
    """Build a result; `excess` above 0 is the distance to the target in `unit`s."""
    if excess <= TOLERANCE:
        return TargetResult(measure, target, reached, "yes")
    least = 10.0**-digits
    distance = f"{excess:,.{digits}f}" if excess >= least / 2 else f"less than {least:g}"
    return TargetResult(measure, target, reached, f"MISSED by {distance} {unit}".rstrip())


def _unmeasured(measure: str, target: str) -> TargetResult:
    return TargetResult(measure, target, NOT_MEASURED, NOT_MEASURED)


def _pair(values: Mapping[str, float], show: Callable[[float], str]) -> str:
    """The value as stored, which is compared with the target, and the value on rounded series."""
    return f"{show(values['stored'])} (rounded: {show(values['rounded_2'])})"
