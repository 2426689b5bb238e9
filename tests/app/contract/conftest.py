"""What tests of version folders share: one to damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.contract import Artifact


@pytest.fixture
def folder(artifact: Artifact, tmp_path: Path) -> Path:
    """A copy of the committed version folder, in a folder of versions."""
    return Path(shutil.copytree(artifact.folder, tmp_path / "forda" / str(artifact.contract.version)))
