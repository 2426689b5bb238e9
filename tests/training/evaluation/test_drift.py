"""`training.evaluation.drift`: sums over held-out series, as the service counts series."""

from __future__ import annotations

import numpy as np
import pytest

from app.contract import MAX_DRIFT_LABELS, Trust
from app.inference.trust import Assessor
from app.telemetry.drift.measuring import Measuring, Served
from app.telemetry.drift.sums import SumsLayout
from tests.support.drift import WARNINGS, usual_series
from tests.support.trusted import TRUST, answers
from training.evaluation.drift import ViewOutputs, measure_drift


def test_training_counts_as_the_server_does() -> None:
    """The same cells, warnings and spectrum for the same series."""
    series = np.concatenate([usual_series(200, 1, novelty=(-3, 3)), np.ones((2, 16), np.float32)])
    series[2, 3:9] = series[2].max()  # clipped
    series[3] = np.round(series[3])
    outputs = answers(series)
    reference = measure_drift(
        {"stored": ViewOutputs(series.astype(np.float64), outputs[:, :-1], outputs[:, -1])}, TRUST
    )
    assert reference is not None
    [view] = reference.views
    found = Assessor(TRUST)(series, outputs)
    layout = SumsLayout(reference, WARNINGS)
    counting = Measuring(reference, layout)
    sums = counting.sums(Served(series, outputs[:, :-1], found.ood_scores, found.warnings))
    for name in ("labels", "confidence", "ood_score"):
        assert layout.part(sums, name).tolist() == list(getattr(view, name))
    assert dict(zip(WARNINGS, layout.part(sums, "warnings"), strict=True)) == view.warnings
    assert min(view.warnings.values()) > 0
    assert layout.number(sums, "confidence_sum") == pytest.approx(view.confidence_sum, abs=1e-3)
    assert layout.number(sums, "ood_score_sum") == pytest.approx(view.ood_score_sum, abs=1e-3)
    assert sum(view.spectrum) == pytest.approx(view.series, abs=1e-3)


def test_with_too_many_classes_there_is_no_reference() -> None:
    """A contract has room for some; the model is sealed without."""
    classes = MAX_DRIFT_LABELS + 1
    outputs = ViewOutputs(np.ones((1, 4)), np.ones((1, classes), np.float32), np.zeros(1, np.float32))
    trust: Trust = TRUST
    assert measure_drift({"stored": outputs}, trust) is None
