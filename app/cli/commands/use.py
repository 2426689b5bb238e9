"""`use`: chooses which version of the folder or store ARTIFACT is served."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.add_argument("version", help="number of the version, or `latest` for the highest")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError if the version does not exist or is damaged; the choice stays as it was."""
    from app import contract
    from app.errors import ArtifactError
    from app.settings import Settings

    place, version = Settings().artifact, options.version
    number = contract.version_number(version)
    if number is None and version != "latest":
        remedy = f"use a number from 1 to {contract.MAX_VERSION} without leading zeros, or latest"
        raise ArtifactError(f"{version[:80]!a} is not a version; {remedy}")
    chosen = _choose_in_folder(place, number) if isinstance(place, Path) else _choose_in_store(place, number)
    print(f"{chosen} is chosen; servers load it within RELOAD_SECONDS or at SIGHUP", file=sys.stderr)
    return 0


def _choose_in_folder(folder: Path, number: int | None) -> Path:
    from app import contract
    from app.errors import ArtifactError

    if (folder / contract.CONTRACT_FILE).is_file():
        raise ArtifactError(
            f"{folder}: one version, not a folder of versions; set ARTIFACT to {folder.parent}"
        )
    chosen = contract.newest_version(folder) if number is None else folder / str(number)
    contract.check_number(chosen, contract.open_artifact(chosen).contract)
    contract.pin(folder, number)
    return chosen


def _choose_in_store(url: str, number: int | None) -> str:
    from app.registry import choose
    from app.store import open_store

    return choose(open_store(url), number)
