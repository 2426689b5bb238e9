"""`app.telemetry.background_metrics`: what the background queue reports."""

from __future__ import annotations

import re

import pytest

from app.inference.batching import BackgroundObserver
from app.telemetry.background_metrics import DROP_REASONS, REFUSAL_REASONS
from app.telemetry.metrics import Metrics


def values(metrics: Metrics) -> dict[str, float]:
    """Every sample of the background queue by its name and labels."""
    lines = [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]
    samples = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
    prefix = "timeseries_background_"
    return {name.removeprefix(prefix): value for name, value in samples.items() if name.startswith(prefix)}


def test_the_gauge_follows_what_enters_and_leaves() -> None:
    """Rows in the queue are those admitted, less those that started or were dropped."""
    metrics = Metrics()
    observer: BackgroundObserver = metrics.background
    observer.admitted(rows=45)
    observer.started(rows=6)
    observer.ran(rows=6, seconds=0.002, failed=False)
    observer.started(rows=6)
    observer.ran(rows=6, seconds=0.002, failed=True)
    observer.dropped(rows=30, reason="expired")
    observer.refused(rows=99, reason="full")
    sampled = values(metrics)
    assert sampled["queue_series"] == 3
    assert sampled["admitted_series_total"] == 45
    assert sampled['dropped_series_total{reason="expired"}'] == 30
    assert sampled['refused_series_total{reason="full"}'] == 99
    assert sampled["chunk_seconds_count"] == 2
    assert sampled["chunk_failures_total"] == 1


@pytest.mark.parametrize(
    ("event", "reasons", "name"),
    [
        (BackgroundObserver.refused, REFUSAL_REASONS, "refused_series"),
        (BackgroundObserver.dropped, DROP_REASONS, "dropped_series"),
    ],
)
def test_every_reason_is_counted_from_the_start(event: object, reasons: tuple[str, ...], name: str) -> None:
    """The reasons that the observer names stand at 0: a rate does not see the step to a first count."""
    assert set(re.findall(r"`(\w+)`", event.__doc__ or "")) == set(reasons)
    sampled = values(Metrics())
    assert [sampled[f'{name}_total{{reason="{reason}"}}'] for reason in reasons] == [0] * len(reasons)
