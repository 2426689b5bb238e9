"""Adds versions to a folder: valid, or broken in two ways. Each is written aside, then renamed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.contract import CONTRACT_FILE, GOLDEN_FILE, MODEL_FILE, Artifact, sha256_of

# Breaks a version folder and its contract, which is written afterwards.
Breaking = Callable[[Path, dict[str, Any]], None]


def add_version(folder: Path, number: int, source: Artifact, *, breaking: Breaking | None = None) -> None:
    """Add a copy of an artifact as version `number`, broken by `breaking` if given."""
    hidden = folder / f".{number}"
    shutil.copytree(source.folder, hidden)
    contract = json.loads((hidden / CONTRACT_FILE).read_text()) | {"version": number}
    if breaking is not None:
        breaking(hidden, contract)
    (hidden / CONTRACT_FILE).write_text(json.dumps(contract))
    hidden.rename(folder / str(number))


def wrong_digest(version: Path, _contract: dict[str, Any]) -> None:
    """Flip a bit of the model, so that its digest is wrong."""
    file = version / MODEL_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def wrong_golden(version: Path, contract: dict[str, Any]) -> None:
    """Seal wrong golden answers: all digests are right, but verification fails."""
    file = version / GOLDEN_FILE
    with np.load(file) as arrays:
        wrong = {**arrays, "probabilities": arrays["probabilities"][:, ::-1].copy()}
    np.savez(file, allow_pickle=False, **wrong)
    contract["files"][GOLDEN_FILE] = sha256_of(file)
    # A derived graph with other answers would be skipped, and the model itself used.
    contract["derived"] = {}
