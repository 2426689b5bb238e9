"""`app.inference.engines.keras.file`: files that it opens. What it refuses: `test_hostile_files.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import ArtifactError
from app.inference.engines.keras.file import check
from tests.support.not_files import KINDS


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.usefixtures("no_keras", "no_h5py")
def test_the_committed_models_are_allowed(root: Path, version: str) -> None:
    """Every layer of theirs is known, and checking them takes neither Keras nor h5py."""
    check(root / "model_artifacts" / "forda" / version / "model.keras")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As the contract's other files are."""
    with pytest.raises(ArtifactError, match=r"gone\.keras: cannot be read \(No such file or directory\)"):
        check(tmp_path / "gone.keras")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, kind: str) -> None:
    """Also where it took the place of the file whose digest was checked."""
    make, message = KINDS[kind]
    make(tmp_path / "model.keras")
    with pytest.raises(ArtifactError, match=rf"model\.keras: cannot be read \({message}"):
        check(tmp_path / "model.keras")
