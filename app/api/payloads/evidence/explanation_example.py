"""An explanation as an example for the documentation."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from app.client.explanations.schemas import (
    Bands,
    CellImportance,
    ExplainResponse,
    Explanation,
    FrequencyImportance,
    TimeImportance,
    Windows,
)
from app.contract import Artifact

_PARTS: dict[str, type[BaseModel]] = {
    "time": TimeImportance,
    "frequency": FrequencyImportance,
    "cells": CellImportance,
}
_AXES: dict[str, type[BaseModel]] = {"windows": Windows, "bands": Bands}


def explanation_example(artifact: Artifact) -> dict[str, Any]:
    """A response to a request with one golden series, whose importances are made up."""
    contract, answer = artifact.contract, artifact.golden.probabilities[0]
    first = int(answer.argmax())
    found = {
        "label": contract.labels[first].name,
        "probability": round(float(answer[first]), 6),
        "unlike": _of(Explanation, "unlike") if contract.trust else None,
        **{name: _part(model) for name, model in _PARTS.items()},
    }
    return {
        "model": contract.name,
        "version": contract.version,
        "variants": _of(ExplainResponse, "variants"),
        "explanations": [found],
    }


def _part(model: type[BaseModel]) -> dict[str, Any]:
    """A part, from the examples of its fields."""
    regions = {
        name: {edge: _of(axis, edge) for edge in ("starts", "ends")}
        for name, axis in _AXES.items()
        if name in model.model_fields
    }
    return {name: regions.get(name) or _of(model, name) for name in model.model_fields}


def _of(model: type[BaseModel], field: str) -> Any:
    examples = model.model_fields[field].examples
    assert examples  # noqa: S101 - a test reads them
    return examples[0]
