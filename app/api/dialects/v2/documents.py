"""Metadata, configuration and statistics as the protocol has them in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.api.dialects.v2.model.inputs import TensorSpec
from app.api.dialects.v2.model.metadata import ModelMetadata
from app.api.dialects.v2.model.statistics import ModelStatistics


def model_document(found: ModelMetadata) -> dict[str, Any]:
    """The metadata of a model as JSON has them."""
    return {
        "name": found.name,
        "versions": found.versions,
        "platform": found.platform,
        "inputs": [spec._asdict() for spec in found.inputs],
        "outputs": [spec._asdict() for spec in found.outputs],
    }


def config_document(found: ModelMetadata, *, max_series: int) -> dict[str, Any]:
    """Triton's configuration of a model: shapes are those of one series."""
    return {
        "name": found.name,
        "platform": found.platform,
        "backend": found.platform,
        "max_batch_size": max_series,
        "input": [_tensor(spec) for spec in found.inputs],
        "output": [_tensor(spec) for spec in found.outputs],
        "dynamic_batching": {},
    }


def statistics_document(found: ModelStatistics) -> dict[str, Any]:
    """The statistics of a version; those of batches of each size are not counted."""
    values = asdict(found)
    names = ("name", "version", "last_inference", "inference_count", "execution_count")
    head = {name: values.pop(name) for name in names}
    return {**head, "inference_stats": values, "batch_stats": []}


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    kind = "STRING" if spec.datatype == "BYTES" else spec.datatype
    found = {"name": spec.name, "data_type": f"TYPE_{kind}"}
    if sizes := spec.shape[1:]:
        return {**found, "dims": sizes}
    return {**found, "dims": [1], "reshape": {"shape": []}}  # Triton's form of one element for each series
