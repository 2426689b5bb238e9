"""Makes the index of training series, by the embeddings of the model that is sealed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract.neighbours import (
    NEIGHBOURS_FILE,
    EmbeddingSpec,
    NeighbourFile,
    NeighboursSpec,
    largest_error,
    nearest,
    store_series,
)
from app.series.offset import narrow
from app.series.spec import model_input
from training.artifact.seal import NeighbourIndex, golden_series
from training.data.ucr import Dataset
from training.evaluation.trust import EXPECTED_VIEWS
from training.model.embedding import EMBEDDING, VOTES
from training.model.outputs import outputs_of

# Largest difference of an embedding's value between two runtimes, as a part of the largest value.
RELATIVE_TOLERANCE = 1e-3
# Series for which the distance to the nearest other one is measured.
MEASURED = 2_000


def make_index(model: Any, dataset: Dataset, contents: str) -> NeighbourIndex | None:
    """The index of a data set's training series.

    Args:
        model: to be sealed, with an output named `EMBEDDING`.
        dataset: its training series are the index.
        contents: `TrainingConfig.neighbours`; with `none`, there is no index.
    """
    if contents == "none":
        return None
    embeddings, golden = (_embeddings(model, series) for series in (dataset.train, golden_series(dataset)))
    stored = store_series(dataset.train) if contents == "series" else None
    rows = np.arange(len(embeddings)) if dataset.train_rows is None else dataset.train_rows
    index = NeighbourFile(
        embeddings=embeddings,
        targets=dataset.train_targets.astype("<i4"),
        rows=rows.astype("<i4"),
        golden=golden,
        series=stored,
    )
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **index.arrays())
    content = file.getvalue()
    spec = NeighboursSpec(
        file=NEIGHBOURS_FILE,
        embedding=EmbeddingSpec(
            output=EMBEDDING,
            layer=_layer_of(model),
            dimension=embeddings.shape[1],
            tolerance=RELATIVE_TOLERANCE * max(1.0, float(np.abs(golden).max())),
        ),
        number=len(embeddings),
        bytes=len(content),
        training_file=next(iter(dataset.sha256), dataset.name),
        series_error=None if stored is None else largest_error(dataset.train, stored),
        median_distance=_median_distance(embeddings),
    )
    return NeighbourIndex(spec, content)


def vote_accuracies(votes: NDArray[np.bool_]) -> dict[str, dict[int, float]]:
    """View to number of neighbours to the share of right votes.

    Args:
        votes: `bool[views, n, len(VOTES)]` of held-out series.
    """
    shares = votes.mean(axis=1).tolist()
    return {view: dict(zip(VOTES, shares[place], strict=True)) for place, view in enumerate(EXPECTED_VIEWS)}


def _layer_of(model: Any) -> str:
    """The path of the layer: a transformer is a layer of the model that is sealed."""
    is_inside = all(layer.name != EMBEDDING for layer in model.layers)
    return f"classifier/{EMBEDDING}" if is_inside else EMBEDDING


def _embeddings(model: Any, series: NDArray[Any]) -> NDArray[np.float32]:
    outputs = outputs_of(model, model_input(narrow(series).series))
    return np.ascontiguousarray(outputs[EMBEDDING], "<f4")


def _median_distance(embeddings: NDArray[np.float32]) -> float:
    """The median distance of an embedding to the nearest other one."""
    sample = np.random.default_rng(0).permutation(len(embeddings))[:MEASURED]
    _, distances = nearest(embeddings, embeddings[sample], 2)  # the nearest is the series itself
    return float(np.median(distances[:, -1]))
