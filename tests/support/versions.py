"""Version folders for swaps: copies of a sealed artifact under other numbers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from app.contract import CONTRACT_FILE, Artifact
from qa.harness.server import ServerProcess, free_port
from tests.conftest import ROOT


def add_version(folder: Path, number: int, source: Artifact) -> Path:
    """Copy an artifact into a folder of versions as one of this number; whole at once, as sealing does it."""
    hidden, version = folder / f".{number}", folder / str(number)
    shutil.copytree(source.folder, hidden)
    contract = json.loads((hidden / CONTRACT_FILE).read_text())
    (hidden / CONTRACT_FILE).write_text(json.dumps({**contract, "version": number}))
    hidden.rename(version)
    return version


def changes_to(server: ServerProcess, number: int) -> int:
    """How often workers have changed to a version: its gauge counts a version that is only kept, too."""
    return server.output.count(f"now serving version {number};")


def damage(version: Path) -> None:
    """Change a byte of a version's model."""
    model = version / "model.keras"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)


def serve_to_the_end(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a server that must not start with these versions."""
    return subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT": str(folder), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
