"""The figures of drift for Prometheus, computed when they are scraped: of all workers, from any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.telemetry.drift.monitor import DriftMonitor
from app.telemetry.drift.report import Figures, FiguresBuilder

_PREFIX = "timeseries_drift_"


class DriftCollector(Collector):
    """Collects the drift of all loaded versions.

    Args:
        monitors: returns those of the loaded versions.
    """

    def __init__(self, monitors: Callable[[], Iterable[DriftMonitor]]) -> None:
        self._monitors = monitors

    def collect(self) -> Iterable[Metric]:
        """Yield each metric with the samples of all versions."""
        families = DriftFamilies()
        for monitor in self._monitors():
            version, state = str(monitor.contract.version), monitor.state()
            families.alarm.add_metric([version], float(state.alarm_at is not None))
            families.threshold.add_metric([version], monitor.threshold)
            families.evidence.add_metric([version, "all"], state.joint_log_wealth)
            for name, value in state.log_wealth.items():
                families.evidence.add_metric([version, name], value)
            builder = FiguresBuilder(monitor)
            for period, sums in (("start", state.since), ("window", state.window)):
                families.add(version, period, builder.figures(sums))
        return families.all()


class DriftFamilies:
    """The metrics, without samples at first."""

    def __init__(self) -> None:
        def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(_PREFIX + name, text, labels=("version", *labels))

        self.alarm = gauge("alarm", "1 once the drift alarm was raised, until a reset or another version.")
        self.evidence = gauge(
            "log_evidence", "Logarithm of the alarm's test martingale, by statistic and for all.", "statistic"
        )
        self.threshold = gauge("log_threshold", "The alarm is raised when the log evidence for all is here.")
        self.series = gauge("series", "Series that were counted for drift.", "period")
        self.left_out = gauge(
            "left_out_series", "Series that were not counted for drift, by reason.", "period", "reason"
        )
        self.psi = gauge(
            "psi", "Population stability index against the training data.", "period", "statistic"
        )
        self.confidence = gauge("mean_confidence", "Mean probability of the most probable label.", "period")
        self.ood_score = gauge("mean_ood_score", "Mean OOD score.", "period")

    def add(self, version: str, period: str, figures: Figures) -> None:
        """Add the samples of a period."""
        self.series.add_metric([version, period], figures.series)
        for reason, count in figures.left_out.items():
            self.left_out.add_metric([version, period, reason], count)
        for name, value in (figures.psi or {}).items():
            self.psi.add_metric([version, period, name], value)
        if figures.mean_confidence is not None and figures.mean_ood_score is not None:
            self.confidence.add_metric([version, period], figures.mean_confidence)
            self.ood_score.add_metric([version, period], figures.mean_ood_score)

    def all(self) -> list[Metric]:
        """Those that have samples."""
        return [family for family in vars(self).values() if family.samples]
