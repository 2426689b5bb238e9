"""Triton's statistics of a model, of all workers, as values without JSON or HTTP.

Series are inferences, batches are executions; all other counts are requests, of every protocol. A request
that was refused before the queue is counted nowhere, as in Triton. Series are read and written while batches
run, so the time for that is not known for each version and is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.api.dialects.v2.model.metadata import find
from app.inference.versions import ModelVersions
from app.telemetry.metrics import Metrics
from app.telemetry.version_metrics import VersionStatistics


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of requests, and the nanoseconds that they took in sum."""

    count: int = 0
    ns: int = 0


@dataclass(frozen=True, slots=True)
class ModelStatistics:
    """The statistics of one version, with the protocol's names.

    Attributes:
        name: of the model.
        version: its number.
        last_inference: milliseconds since 1970 at the end of the last batch; 0 before the first.
        inference_count: series.
        execution_count: batches.
        success: computed requests: from admission to the end of their batch.
        fail: requests that were admitted and got no result; their time is not known.
        queue: from admission to the start of the batch.
        compute_input: reading the series.
        compute_infer: the batch of each request.
        compute_output: writing the response.
        cache_hit: there is no cache.
        cache_miss: there is no cache.
    """

    name: str
    version: str
    last_inference: int
    inference_count: int
    execution_count: int
    success: Duration
    fail: Duration
    queue: Duration
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration
    cache_hit: Duration = Duration()
    cache_miss: Duration = Duration()


def model_statistics(
    versions: ModelVersions, metrics: Metrics, model: str | None = None, version: str | None = None
) -> list[ModelStatistics]:
    """The statistics of all loaded versions, or of one.

    Args:
        versions: of the model.
        metrics: of all workers.
        model: its name; None for the one that is served.
        version: its number; None for all.

    Raises:
        UnknownModel: the version is not loaded.
    """
    contract = find(versions, model, version).contract
    name, numbers = contract.name, [contract.version] if version else sorted(versions.loaded)
    totals = metrics.version_statistics()
    return [_statistics(name, number, totals.get(number, VersionStatistics())) for number in numbers]


def _statistics(name: str, number: int, totals: VersionStatistics) -> ModelStatistics:
    queue, engine = _ns(totals.queue_seconds), _ns(totals.engine_seconds)
    computed = Duration(totals.succeeded)
    return ModelStatistics(
        name=name,
        version=str(number),
        last_inference=int(totals.last_batch * 1000),
        inference_count=totals.series,
        execution_count=totals.batches,
        success=Duration(totals.succeeded, queue + engine),
        fail=Duration(totals.failed),
        queue=Duration(totals.queued, queue),
        compute_input=computed,
        compute_infer=Duration(totals.succeeded, engine),
        compute_output=computed,
    )


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
