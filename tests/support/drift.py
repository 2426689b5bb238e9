"""The small artifact of `tests.support.trusted` with a reference for drift, and series that are like it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.contract import CONTRACT_FILE, Artifact, Contract, DriftContent, DriftPart, DriftReference, DriftView
from app.series.power_shares import band_count, power_shares
from tests.support.trusted import LENGTH, answers
from tests.support.versions import add_version

CONFIDENCE_EDGES = (0.6, 0.7, 0.8, 0.9, 0.95)
OOD_SCORE_EDGES = (0.05, 0.25, 0.5, 0.75, 0.95)
WARNINGS = ("flat", "clipped", "few_distinct_values", "unlike_training_data")
# Series of the reference.
SERIES = 2000


def usual_series(number: int, seed: int, *, novelty: tuple[float, float] = (-2, 2)) -> NDArray[np.float32]:
    """Series `float32[number, LENGTH]` like those of the reference, but for the range of their novelty."""
    random = np.random.default_rng(seed)
    series = random.normal(0, 0.3, (number, LENGTH)).astype(np.float32)
    series[:, 0] = random.normal(0, 2, number)
    series[:, -1] = np.exp(random.uniform(*novelty, number))
    return series


def cells_of(series: NDArray[np.float32]) -> NDArray[np.float64]:
    """The cells that each series is counted in, `float64[n, cells]`: OOD score, confidence, labels."""
    found = answers(series)
    scores = np.interp(found[:, -1], [-2, -1, 0, 1, 2], [0, 0.25, 0.5, 0.75, 1])
    indices = (
        (np.searchsorted(OOD_SCORE_EDGES, scores), len(OOD_SCORE_EDGES) + 1),
        (np.searchsorted(CONFIDENCE_EDGES, found[:, :-1].max(axis=1)), len(CONFIDENCE_EDGES) + 1),
        (found[:, :-1].argmax(axis=1), 2),
    )
    return np.concatenate([np.eye(size)[index] for index, size in indices], axis=1)


def reference_of(series: NDArray[np.float32]) -> DriftReference:
    """The reference of some series, as one view."""
    counts = cells_of(series).sum(axis=0).astype(int).tolist()
    first, second = len(OOD_SCORE_EDGES) + 1, len(OOD_SCORE_EDGES) + len(CONFIDENCE_EDGES) + 2
    view = DriftView(
        name="stored",
        series=len(series),
        ood_score=tuple(counts[:first]),
        confidence=tuple(counts[first:second]),
        labels=tuple(counts[second:]),
        warnings=dict.fromkeys(WARNINGS, 0),
        confidence_sum=0.8 * len(series),
        ood_score_sum=0.5 * len(series),
        spectrum=tuple(power_shares(series, band_count(LENGTH)).sum(axis=0).tolist()),
    )
    return DriftReference(confidence_edges=CONFIDENCE_EDGES, ood_score_edges=OOD_SCORE_EDGES, views=(view,))


def with_reference(contract: Contract) -> Contract:
    """The contract of the small artifact as if it had been sealed with a reference."""
    content = DriftContent(reference=reference_of(usual_series(SERIES, 1)))
    return contract.model_copy(update={"drift_reference": DriftPart(content=content)})


def add_version_with_reference(folder: Path, number: int, source: Artifact) -> Path:
    """Copy the small artifact into a folder of versions, with a reference; whole at once."""
    aside = folder.parent / f"aside-{number}"
    aside.mkdir()
    version = add_version(aside, number, source)
    document = json.loads((version / CONTRACT_FILE).read_text())
    part = with_reference(source.contract).drift_reference
    assert part is not None
    document["drift_reference"] = json.loads(part.model_dump_json())
    (version / CONTRACT_FILE).write_text(json.dumps(document))
    return version.rename(folder / str(number))
