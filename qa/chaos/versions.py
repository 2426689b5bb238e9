"""A folder of versions of one artifact, in which new ones appear: whole, or broken in two ways.

Each appears at once, as sealing does it: made under a hidden name, then renamed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.contract import CONTRACT_FILE, GOLDEN_FILE, MODEL_FILE, Artifact, sha256_of

# Breaks what is in a folder; gets its contract, which is written afterwards.
Breaking = Callable[[Path, dict[str, Any]], None]


def add_version(folder: Path, number: int, source: Artifact, *, breaking: Breaking | None = None) -> None:
    """Have a copy of an artifact appear as a version of this number, broken if it is to be."""
    hidden = folder / f".{number}"
    shutil.copytree(source.folder, hidden)
    contract = json.loads((hidden / CONTRACT_FILE).read_text()) | {"version": number}
    if breaking is not None:
        breaking(hidden, contract)
    (hidden / CONTRACT_FILE).write_text(json.dumps(contract))
    hidden.rename(folder / str(number))


def wrong_digest(version: Path, _contract: dict[str, Any]) -> None:
    """Change a bit of the model: it is not the file that was sealed."""
    file = version / MODEL_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def wrong_golden(version: Path, contract: dict[str, Any]) -> None:
    """Seal other golden answers than the model gives: every digest is right, and the model does not fit."""
    file = version / GOLDEN_FILE
    with np.load(file) as arrays:
        lies = {**arrays, "probabilities": arrays["probabilities"][:, ::-1].copy()}
    np.savez(file, allow_pickle=False, **lies)
    contract["files"][GOLDEN_FILE] = sha256_of(file)
    # A derived graph that gives other answers would be left aside, and the model itself asked.
    contract["derived"] = {}
