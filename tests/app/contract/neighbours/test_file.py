"""`app.contract.neighbours.file` and `spec`: what an index and its contract may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.contract import sha256_of
from app.contract.neighbours import (
    EmbeddingSpec,
    ExtraOutputs,
    NeighbourFile,
    NeighboursSpec,
    read_neighbours,
    store_series,
)
from app.errors import ArtifactError
from app.series.spec import SeriesSpec

SPEC = NeighboursSpec(
    file="neighbours.npz",
    embedding=EmbeddingSpec(output="embedding", layer="embedding", dimension=3, tolerance=1e-3),
    number=4,
    bytes=100,
    training_file="Waves_TRAIN.tsv",
    series_error=1e-5,
    median_distance=0.5,
)
SERIES = np.random.default_rng(0).standard_normal((4, 6))
INDEX = NeighbourFile(
    embeddings=np.arange(12, dtype=np.float32).reshape(4, 3),
    targets=np.array([0, 1, 1, 0], np.int32),
    rows=np.arange(4, dtype=np.int32),
    golden=np.ones((2, 3), np.float32),
    series=store_series(SERIES),
)


def read(path: Path, spec: NeighboursSpec = SPEC, **arrays: Any) -> NeighbourFile:
    """Write an index with some arrays changed, and read it."""
    kept = {name: array for name, array in {**INDEX.arrays(), **arrays}.items() if array is not None}
    np.savez(path, allow_pickle=False, **kept)
    return read_neighbours(path, spec, SeriesSpec(6), sha256=sha256_of(path), golden=2, classes=2)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Every array, and the series to a part of their range."""
    found = read(tmp_path / "neighbours.npz")
    for name, array in INDEX.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)
    assert found.series is not None
    np.testing.assert_allclose(found.series.restore(np.arange(4)), SERIES, atol=1e-4)


def test_series_may_be_left_out_of_it(tmp_path: Path) -> None:
    """Then the contract says so, and the file has none."""
    bare = SPEC.model_copy(update={"series_error": None})
    assert read(tmp_path / "neighbours.npz", bare, values=None, offsets=None, steps=None).series is None
    with pytest.raises(ArtifactError, match=r"contains values\.npy; allowed are embeddings\.npy"):
        read(tmp_path / "neighbours.npz", bare)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"embeddings": np.ones((4, 2), np.float32)}, r"embeddings is float32\[4, 2\], not float32\[4, 3\]"),
        ({"embeddings": np.ones((4, 3))}, "embeddings has the dtype '<f8', not '<f4'"),
        ({"embeddings": np.full((4, 3), np.nan, np.float32)}, "embeddings has a value that is not finite"),
        (
            {"targets": np.array([0, 1, 2, 0], np.int32)},
            "targets has a class that the contract does not have",
        ),
        ({"targets": np.array([0, -1, 1, 0], np.int32)}, "targets has a class that the contract does not"),
        ({"golden": np.ones((1, 3), np.float32)}, r"golden is float32\[1, 3\], not float32\[2, 3\]"),
        ({"values": np.ones((4, 7), np.int16)}, r"values is int16\[4, 7\], not int16\[4, 6\]"),
        ({"steps": None}, "lacks steps"),
    ],
)
def test_a_wrong_index_is_refused_in_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    """With its name and the first problem."""
    with pytest.raises(ArtifactError, match=rf"neighbours\.npz: .*{message}"):
        read(tmp_path / "neighbours.npz", **arrays)


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    """It is read long after the start: its digest is compared again."""
    path = tmp_path / "neighbours.npz"
    read(path)
    with pytest.raises(ArtifactError, match=r"neighbours\.npz: damaged: its SHA-256"):
        read_neighbours(path, SPEC, SeriesSpec(6), sha256="0" * 64, golden=2, classes=2)


def test_the_contract_names_the_file_and_keeps_what_it_does_not_know() -> None:
    """A later release may add to the content; the part of today is checked."""
    content = {"later": [1, None], "neighbours": SPEC.model_dump()}
    part = ExtraOutputs.model_validate({"files": ["neighbours.npz"], "content": content})
    assert part.model_dump()["content"] == content
    with pytest.raises(ValidationError, match=r"files does not name neighbours\.npz"):
        ExtraOutputs.model_validate({"files": [], "content": content})
    with pytest.raises(ValidationError, match="Input should be 'euclidean'"):
        ExtraOutputs.model_validate(
            {
                "files": ["neighbours.npz"],
                "content": {"neighbours": {**SPEC.model_dump(), "distance": "cosine"}},
            }
        )
