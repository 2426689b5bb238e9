"""`app.lifecycle`: what is done beside serving."""

from __future__ import annotations

import asyncio

from app.lifecycle import telling
from app.metrics import Metrics


def test_metrics_are_told_whether_the_worker_is_ready_though_nobody_asks() -> None:
    """Of several workers another may be asked: the gauge follows by itself, and back."""
    metrics = Metrics()
    ready = True
    metrics.watch(lambda: ready)

    async def reaches(value: float) -> None:
        while metrics._registry.get_sample_value("timeseries_ready_workers") != value:
            await asyncio.sleep(0.01)

    async def scenario() -> None:
        nonlocal ready
        with telling(metrics):
            for ready in (True, False, True):
                await asyncio.wait_for(reaches(float(ready)), 60)

    asyncio.run(scenario())
