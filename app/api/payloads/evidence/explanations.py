"""Encodes explanations as JSON or as a structured array."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic_core import to_json

from app.api.payloads.media_types import JSON, NPY, response_type
from app.client.explanations.schemas import DECIMALS
from app.contract import Contract
from app.errors import EngineError
from app.inference.explanation import Explanations, Part

_Field = tuple[str, str, NDArray[Any]]


def encode_explanations(
    explanations: Explanations, contract: Contract, *, accept: str | None
) -> tuple[bytes, str]:
    """The body of a response, and its media type.

    Args:
        explanations: of n series.
        contract: of the version that made them.
        accept: value of the Accept header.

    Raises:
        EngineError: a number is not finite.
    """
    if response_type(accept) == JSON:
        head = {"model": contract.name, "version": contract.version, "variants": explanations.variants}
        return to_json({**head, "explanations": explanation_documents(explanations, contract)}), JSON
    return npy_file(explanations, contract), f"{NPY}; version={contract.version}"


def explanation_documents(explanations: Explanations, contract: Contract) -> list[dict[str, Any]]:
    """The explanation of each series as `app.client.explanations.schemas.Explanation`.

    Raises:
        EngineError: a number is not finite.
    """
    _check_finite(explanations)
    parts = {name: _part_documents(part, len(explanations)) for name, part in _parts(explanations)}
    labels, unlike = _labels(explanations, contract), explanations.unlike.tolist()
    return [
        {
            "label": label,
            "probability": float(str(explanations.probabilities[i])),  # the shortest text, as of a prediction
            "unlike": None if math.isnan(unlike[i]) else float(str(explanations.unlike[i])),
            **{name: part[i] for name, part in parts.items()},
        }
        for i, label in enumerate(labels)
    ]


def npy_file(explanations: Explanations, contract: Contract) -> bytes:
    """A structured array `[n]` as a .npy file, format 1.0, packed, little-endian.

    It describes itself: each record has its label, and the regions and the perturbation of each part.

    Raises:
        EngineError: a number is not finite.
    """
    _check_finite(explanations)
    labels = np.array(_labels(explanations, contract))
    fields = [
        ("label", labels.dtype.str.replace(">", "<"), labels),
        ("probability", "<f4", explanations.probabilities),
        ("unlike", "<f4", explanations.unlike),
    ]
    for name, part in _parts(explanations):
        fields += _part_fields(name, part, len(explanations)) if part else []
    dtype = np.dtype([(name, kind, values.shape[1:]) for name, kind, values in fields])
    records = np.zeros(len(explanations), dtype)
    for name, _, values in fields:
        records[name] = values
    file = io.BytesIO()
    npy.write_array(file, records, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _parts(explanations: Explanations) -> tuple[tuple[str, Part | None], ...]:
    return ("time", explanations.time), ("frequency", explanations.frequency), ("cells", explanations.cells)


def _labels(explanations: Explanations, contract: Contract) -> list[str]:
    return [contract.labels[target].name for target in explanations.targets.tolist()]


def _part_documents(part: Part | None, count: int) -> Sequence[dict[str, Any] | None]:
    """The part of each series."""
    if part is None:
        return [None] * count
    axes = {"windows": part.time, "bands": part.frequency}
    regions = {
        axis: {"starts": found.starts.tolist(), "ends": found.ends.tolist()}
        for axis, found in axes.items()
        if found is not None
    }
    values = zip(_rounded(part.changes), _rounded(part.importances), strict=True)
    return [
        {"perturbation": part.perturbation, **regions, "changes": changes, "importances": importances}
        for changes, importances in values
    ]


def _part_fields(name: str, part: Part, count: int) -> Iterator[_Field]:
    """Name, dtype and values `[n, ...]` of each field of a part; regions are the same in each record."""
    perturbation = np.full(count, part.perturbation)
    yield f"{name}_perturbation", f"<U{len(part.perturbation)}", perturbation
    for axis, regions in (("window", part.time), ("band", part.frequency)):
        if regions is not None:
            for edge, places in (("starts", regions.starts), ("ends", regions.ends)):
                yield f"{name}_{axis}_{edge}", "<f8", np.tile(places, (count, 1))
    yield f"{name}_changes", "<f4", part.changes
    yield f"{name}_importances", "<f4", part.importances


def _check_finite(explanations: Explanations) -> None:
    found = [explanations.probabilities]
    for _, part in _parts(explanations):
        found += [part.changes, part.importances] if part else []
    if not all(np.isfinite(each).all() for each in found):
        raise EngineError("the engine returned a probability of a variant that is not finite")


def _rounded(values: NDArray[np.float32]) -> list[Any]:
    # A zero without a sign: -0.0 would be written as such.
    rounded: list[Any] = (values.astype(np.float64).round(DECIMALS) + 0.0).tolist()
    return rounded
