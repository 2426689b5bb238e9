"""`app.inference.engines.keras.weights`: HDF5 files made to do harm are refused before Keras reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.contract import Artifact
from app.errors import ArtifactError
from app.inference.engines.keras.file import check, load_model
from tests.app.inference.engines.keras import hostile_weights as weights
from tests.app.inference.engines.keras.hostile import members_of, write

WEIGHTS: dict[str, tuple[Any, str]] = {
    "external link": (weights.external_link, "/evil is a soft or external link"),
    "soft link": (weights.soft_link, "/evil is a soft or external link"),
    "external storage": (weights.external_storage, "/evil has its data in another file"),
    "virtual dataset": (weights.virtual_dataset, "/evil is a virtual dataset of other files"),
    "shape bomb in chunks": (weights.chunked_shape_bomb, "/evil is stored in chunks"),
    "shape bomb never written": (weights.empty_shape_bomb, "/evil has no shape, or a shape larger"),
    "group in itself": (weights.group_in_itself, "/layers/evil is in the file twice"),
    "dataset twice": (weights.one_dataset_many_times, "/second is in the file twice"),
    "text": (weights.text_dataset, "/evil has a type that is not numeric"),
    "attribute": (weights.odd_attribute, "/evil has an attribute that is not text"),
    "type": (weights.stored_type, "/evil is neither a group nor a dataset"),
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.usefixtures("no_keras")
def test_hostile_weights_are_refused(artifact: Artifact, tmp_path: Path, name: str) -> None:
    """Weights are numbers in the file itself; whatever else HDF5 can do is refused before Keras reads one."""
    build, message = WEIGHTS[name]
    path = weights.with_weights(artifact.model_path, tmp_path / "evil.keras", build)
    check(path)  # needs no h5py, and does not look into the weights
    with pytest.raises(ArtifactError, match=rf"evil\.keras: model\.weights\.h5: {message}"):
        load_model(path)


@pytest.mark.usefixtures("no_keras")
def test_damaged_weights_are_refused(artifact: Artifact, tmp_path: Path) -> None:
    """What the library says of a broken file becomes one line."""
    members = members_of(artifact.model_path)
    half = members["model.weights.h5"][:100_000]
    path = write(tmp_path / "evil.keras", {**members, "model.weights.h5": half})
    with pytest.raises(ArtifactError, match=r"model\.weights\.h5: damaged HDF5 file: .*truncated"):
        load_model(path)
