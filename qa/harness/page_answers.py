"""Made-up answers for the page at `/`, with what a real server says rarely: an alarm, a doubtful explanation.

They are documents of the same pydantic models as the server's, so that they cannot differ from them in form.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, Route

from app.client.explanations.schemas import (
    Bands,
    CellImportance,
    ExplainResponse,
    Explanation,
    FrequencyImportance,
    TimeImportance,
    Windows,
)
from app.client.schemas import ExplanationSupport, Neighbour
from app.telemetry.drift.report import Alarm, DriftReport, Figures, ReferenceView, Window

SUPPORT = ExplanationSupport(
    max_series=64, max_variants=4096, timeout=30.0, windows=10, bands=25, cells=(10, 25)
)
TIMING = 'parse;dur=0.2, queue;dur=1.5, infer;dur=61.25, batch;desc="286 series"'
_LENGTH, _WINDOWS, _BANDS = 500, 10, 25


def explanation(label: str = "1", *, unlike: float | None = 0.04, sign: float = 1.0) -> Explanation:
    """An explanation with one strong window (the seventh) and one strong band (the sixth).

    Args:
        label: that is explained.
        unlike: share of variants unlike the training data.
        sign: -1 to have everything speak the other way.
    """
    over_time = [sign * (0.9 if at == 6 else 0.35 * math.sin(at)) for at in range(_WINDOWS)]
    over_bands = [
        sign * (4.1 * math.exp(-(((at - 5) / 1.6) ** 2)) - 1.9 * math.exp(-(((at - 14) / 2.5) ** 2)))
        for at in range(_BANDS)
    ]
    cells = [
        [band * (0.25 + window / sum(map(abs, over_time))) for band in over_bands] for window in over_time
    ]
    windows, bands = _overlapping(_WINDOWS, _LENGTH), _overlapping(_BANDS, 0.5)
    time, frequency = Windows(**windows), Bands(**bands)
    return Explanation(
        label=label,
        probability=0.9712,
        unlike=unlike,
        time=TimeImportance(
            perturbation="smooth_window",
            windows=time,
            importances=over_time,
            changes=[-0.05 * each for each in over_time],
        ),
        frequency=FrequencyImportance(
            perturbation="band_gain",
            bands=frequency,
            importances=over_bands,
            changes=[-0.15 * each for each in over_bands],
        ),
        cells=CellImportance(
            perturbation="cell_gain",
            windows=time,
            bands=frequency,
            importances=cells,
            changes=[[-0.05 * each for each in row] for row in cells],
        ),
    )


def _overlapping(number: int, end: float) -> dict[str, list[float]]:
    width = end / number
    return {
        "starts": [max(0.0, (at - 0.5) * width) for at in range(number)],
        "ends": [min(end, (at + 1.5) * width) for at in range(number)],
    }


def neighbours(series: list[Any], labels: str = "111") -> list[Neighbour]:
    """Neighbours with a label of one character each, and some series."""
    return [
        Neighbour(index=1233 * (at + 1), label=label, distance=0.5 + 0.25 * at, series=series[at])
        for at, label in enumerate(labels)
    ]


def drift_report(*, series: int = 12345, log_evidence: float = 0.31, raised: bool = False) -> DriftReport:
    """A report of drift, with an alarm after 900 series or none."""
    figures = {
        "series": series,
        "left_out": {"overlapping": 40, "repeated": 12},
        "labels": {"-1": 0.51, "1": 0.49},
        "mean_confidence": 0.982,
        "mean_ood_score": 0.507,
        "warnings": {"flat": 0.001, "few_values": 0.0},
        "spectrum": None,
        "log10_scale": None,
        "psi": {"labels": 0.001, "confidence": 0.02, "ood_score": 0.01},
        "sums": {},
    }
    recent = {"labels": {"-1": 0.49, "1": 0.51}, "mean_confidence": 0.983, "seconds": 3600.0}
    trained = {**figures, "left_out": {}, "labels": {"-1": 0.513, "1": 0.487}}
    start = datetime(2026, 11, 30, 12, 41, tzinfo=UTC)
    return DriftReport(
        model="forda",
        version=1,
        started=start,
        alarm=Alarm(
            raised=raised,
            raised_at=start + timedelta(minutes=24) if raised else None,
            raised_after_series=900 if raised else None,
            false_alarm_rate=0.01,
            log_evidence=log_evidence,
            log_evidence_by_statistic={"labels": -0.2, "confidence": 0.3, "ood_score": 0.1},
            log_threshold=5.2983,
        ),
        since_start=Figures.model_validate(figures),
        window=Window.model_validate({**figures, **recent}),
        reference=(
            ReferenceView.model_validate({**trained, "name": "stored", "mean_confidence": 0.979}),
            ReferenceView.model_validate({**trained, "name": "rounded", "mean_confidence": 0.971}),
        ),
        edges={"confidence": (), "ood_score": ()},
    )


def fulfil(route: Route, document: Any, *, timing: str = TIMING) -> None:
    """Answer a request with a document."""
    text = json.dumps(document) if isinstance(document, dict) else document.model_dump_json()
    route.fulfill(body=text, headers={"Content-Type": "application/json", "Server-Timing": timing})


def respond_explained(route: Route, found: Explanation) -> None:
    """Answer a request for an explanation."""
    fulfil(route, ExplainResponse(model="forda", version=1, variants=285, explanations=[found]))


def offer_evidence(page: Page) -> None:
    """Have the page see a model with explanations, neighbours and drift.

    The neighbours of a series are the series itself.
    """
    index = {"neighbours": {"number": 3601, "median_distance": 0.4}}
    parts = {
        "extra_outputs": {"files": [], "content": index},
        "drift_reference": {"files": [], "content": {"reference": {}}},
    }
    extend_model(page, {"explanations": SUPPORT.model_dump(mode="json")}, parts)
    page.route("**/explain*", lambda route: respond_explained(route, explanation()))
    page.route("**/predict?neighbours=3", _respond_with_neighbours)
    page.route("**/drift", lambda route: fulfil(route, drift_report()))


def _respond_with_neighbours(route: Route) -> None:
    [series] = json.loads(route.request.post_data or "")["instances"]
    found = {"label": "1", "neighbours": [each.model_dump() for each in neighbours([series] * 3)]}
    fulfil(route, {"model": "forda", "version": 1, "predictions": [found]})


def extend_model(page: Page, fields: dict[str, Any], contract: dict[str, Any] | None = None) -> None:
    """Set fields of `GET /model` and of the contract in it."""

    def answer(route: Route) -> None:
        response = route.fetch()
        document = response.json()
        document |= fields
        document["contract"] |= contract or {}
        route.fulfill(response=response, json=document)

    page.route("**/model", answer)
