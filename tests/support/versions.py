"""Folders of versions to swap between: copies of a sealed one under other numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from app.contract import CONTRACT_FILE, Artifact


def add_version(folder: Path, number: int, source: Artifact) -> Path:
    """Copy an artifact into a folder of versions as one of this number; whole at once, as sealing does it."""
    hidden, version = folder / f".{number}", folder / str(number)
    shutil.copytree(source.folder, hidden)
    contract = json.loads((hidden / CONTRACT_FILE).read_text())
    (hidden / CONTRACT_FILE).write_text(json.dumps({**contract, "version": number}))
    hidden.rename(version)
    return version


def damage(version: Path) -> None:
    """Change a byte of a version's model."""
    model = version / "model.keras"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
