"""The figures of `GET /drift`: sums as shares and means, beside those of the reference.

The sums themselves are in the report, too: to have the figures of several replicas, add them.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from app.contract import DriftView
from app.telemetry.drift.bets import STATISTICS
from app.telemetry.drift.monitor import DriftMonitor, DriftState
from app.telemetry.drift.sums import LEFT_OUT, SumsLayout, Vector

# Added to each cell of both sides of a PSI: it has no value where a cell is empty.
_PSI_PRIOR = 0.5


class Figures(BaseModel):
    """Figures of some series; null where there are no series."""

    model_config = ConfigDict(frozen=True)

    series: int = Field(description="Number of series that were counted.")
    left_out: dict[str, int] = Field(
        description="Series that were not counted: windows that overlap with a counted one (`overlapping`), "
        "series that were seen before (`repeated`), and those beyond 640 a second and worker (`surplus`)."
    )
    labels: dict[str, float] | None = Field(description="Label to its share of the series.")
    mean_confidence: float | None = Field(description="Mean probability of the most probable label.")
    mean_ood_score: float | None
    warnings: dict[str, float] | None = Field(description="Warning to the share of the series that got it.")
    spectrum: tuple[float, ...] | None = Field(
        description="Mean share of power in each of equally wide bands of frequency, from 0 to half the "
        "sampling rate; of a sample of the series."
    )
    log10_scale: float | None = Field(
        description="Mean decimal logarithm of the series' standard deviation; of the same sample. Null for "
        "the reference."
    )
    psi: dict[str, float] | None = Field(
        description="Population stability index of each statistic, against the nearest view of the "
        "reference. A number to look at, not a test: it grows as series get fewer."
    )
    sums: dict[str, tuple[float, ...]] = Field(
        description="What the figures were computed from: numbers of series in each cell, and sums of "
        "values. Those of several replicas can be added."
    )


class Window(Figures):
    """Figures over the sliding window."""

    seconds: float = Field(description="Length of the window; shorter after a start.")


class ReferenceView(Figures):
    """Figures of the held-out training series in one form in which clients send them."""

    name: str


class Alarm(BaseModel):
    """The alarm: a test martingale over all counted series since the start."""

    model_config = ConfigDict(frozen=True)

    raised: bool
    raised_at: datetime | None
    raised_after_series: int | None = Field(description="Number of series that were counted until then.")
    false_alarm_rate: float = Field(
        description="Probability of ever raising the alarm while the series are like the training data "
        "(DRIFT_FALSE_ALARM_RATE)."
    )
    log_evidence: float = Field(
        description="Natural logarithm of the martingale: the evidence against the reference, now."
    )
    log_evidence_by_statistic: dict[str, float]
    log_threshold: float = Field(description="The alarm is raised when `log_evidence` reaches this.")


class DriftReport(BaseModel):
    """How the series that were served compare with the training data."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: int
    started: datetime = Field(description="Start of the server, last reset or swap to this version.")
    alarm: Alarm
    since_start: Figures
    window: Window
    reference: tuple[ReferenceView, ...]
    edges: dict[str, tuple[float, ...]] = Field(
        description="Upper edges of the cells of confidence and OOD score; the last cell has none."
    )


def report_of(monitor: DriftMonitor) -> DriftReport:
    """The report of all workers, as of now."""
    contract, reference, state = monitor.contract, monitor.reference, monitor.state()
    builder = FiguresBuilder(monitor)
    return DriftReport(
        model=contract.name,
        version=contract.version,
        started=datetime.fromtimestamp(state.started, UTC),
        alarm=_alarm(monitor, state),
        since_start=builder.figures(state.since),
        window=Window(seconds=round(state.window_seconds, 1), **builder.figures(state.window).model_dump()),
        reference=tuple(
            ReferenceView(name=view.name, **builder.figures(builder.sums_of(view)).model_dump())
            for view in reference.views
        ),
        edges={"confidence": reference.confidence_edges, "ood_score": reference.ood_score_edges},
    )


class FiguresBuilder:
    """Computes figures from sums.

    Args:
        monitor: that the sums are of.
    """

    def __init__(self, monitor: DriftMonitor) -> None:
        self._layout: SumsLayout = monitor.layout
        self._labels = [label.name for label in monitor.contract.labels]
        self._views = [self.sums_of(view) for view in monitor.reference.views]

    def sums_of(self, view: DriftView) -> Vector:
        """The sums of a view of the reference."""
        layout, sums = self._layout, self._layout.empty()
        for name in (*STATISTICS, "spectrum"):
            layout.part(sums, name)[:] = getattr(view, name)
        layout.part(sums, "warnings")[:] = [view.warnings.get(code, 0) for code in layout.warnings]
        for name, value in (
            ("confidence_sum", view.confidence_sum),
            ("ood_score_sum", view.ood_score_sum),
            ("spectra", view.series),
            ("log_scale", math.nan),
        ):
            layout.part(sums, name)[:] = value
        return sums

    def figures(self, sums: Vector) -> Figures:
        """Shares and means of some sums."""
        layout, series = self._layout, self._layout.series(sums)
        spectra = layout.number(sums, "spectra")
        scale = layout.number(sums, "log_scale")
        return Figures(
            series=series,
            left_out=dict(zip(LEFT_OUT, map(int, layout.part(sums, "left_out")), strict=True)),
            labels=self._shares(self._labels, layout.part(sums, "labels"), series),
            mean_confidence=_rounded(layout.number(sums, "confidence_sum"), series),
            mean_ood_score=_rounded(layout.number(sums, "ood_score_sum"), series),
            warnings=self._shares(layout.warnings, layout.part(sums, "warnings"), series),
            spectrum=tuple((layout.part(sums, "spectrum") / spectra).round(6).tolist()) if spectra else None,
            log10_scale=None if math.isnan(scale) else _rounded(scale, spectra),
            psi=self.psi(sums),
            sums={name: _plain(layout.part(sums, name)) for name in layout.parts},
        )

    def psi(self, sums: Vector) -> dict[str, float] | None:
        """The population stability index of each statistic; None without series."""
        if not self._layout.series(sums):
            return None
        return {
            name: round(
                min(_psi(self._layout.part(sums, name), self._layout.part(v, name)) for v in self._views), 4
            )
            for name in STATISTICS
        }

    @staticmethod
    def _shares(names: list[str] | tuple[str, ...], counts: Vector, series: int) -> dict[str, float] | None:
        if not series:
            return None
        return dict(zip(names, (counts / series).round(6).tolist(), strict=True))


def _alarm(monitor: DriftMonitor, state: DriftState) -> Alarm:
    raised = state.alarm_at is not None
    return Alarm(
        raised=raised,
        raised_at=None if state.alarm_at is None else datetime.fromtimestamp(state.alarm_at, UTC),
        raised_after_series=state.alarm_series if raised else None,
        false_alarm_rate=monitor.options.false_alarm_rate,
        log_evidence=round(state.joint_log_wealth, 4),
        log_evidence_by_statistic={name: round(value, 4) for name, value in state.log_wealth.items()},
        log_threshold=round(monitor.threshold, 4),
    )


def _psi(counts: Vector, reference: Vector) -> float:
    """The population stability index (Siddiqi, "Credit Risk Scorecards", 2006) of counts in cells."""
    shares, expected = (_smoothed(each) for each in (counts, reference))
    return float(np.sum((shares - expected) * np.log(shares / expected)))


def _smoothed(counts: Vector) -> NDArray[np.float64]:
    return (counts + _PSI_PRIOR) / (float(counts.sum()) + _PSI_PRIOR * len(counts))


def _rounded(total: float, count: float) -> float | None:
    return round(total / count, 6) if count else None


def _plain(sums: Vector) -> tuple[float, ...]:
    return tuple(0.0 if math.isnan(value) else value for value in sums.tolist())
