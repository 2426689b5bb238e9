"""Exposes renamed metrics under their old names too. To be removed in the next release."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.registry import Collector

# New name to old name, without the suffix `_total`.
OLD_NAMES = {
    "timeseries_dropped_series": "timeseries_left_series",
    "timeseries_refused_versions": "timeseries_version_refusals",
}


class Collects(Protocol):
    """A registry or a collector of Prometheus' client."""

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""


class WithOldNames(Collector):
    """Collects what another collector does, and a copy of each renamed metric under its old name.

    The copies are made when metrics are rendered, so requests are counted once.

    Args:
        collector: collects the metrics under their new names.
    """

    def __init__(self, collector: Collects) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics and the copies."""
        for metric in self._collector.collect():
            yield metric
            if old_name := OLD_NAMES.get(metric.name):
                yield _copy(metric, old_name)


def _copy(metric: Metric, name: str) -> Metric:
    copy = Metric(name, f"Deprecated: use {metric.name}_total.", metric.type)
    for sample in metric.samples:
        copy.add_sample(sample.name.replace(metric.name, name), sample.labels, sample.value)
    return copy
