"""The server's version: `project.version` of `pyproject.toml`, and nowhere else."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path


def server_version() -> str:
    """The version of this code.

    A checkout and an image have `pyproject.toml` beside the package; an installed wheel has its metadata.
    """
    file = Path(__file__).parents[1] / "pyproject.toml"
    if file.is_file():
        return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"])
    return version("timeseries-server")
