"""`use`: chooses which version of the folder ARTIFACT is served."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.add_argument("version", help="number of the version, or `latest` for the highest")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError if the version does not exist or is damaged; the choice stays as it was."""
    from app import contract
    from app.errors import ArtifactError
    from app.settings import Settings

    folder, version = Settings().artifact, options.version
    if (folder / contract.CONTRACT_FILE).is_file():
        raise ArtifactError(
            f"{folder}: one version, not a folder of versions; set ARTIFACT to {folder.parent}"
        )
    number = contract.version_number(version)
    if number is None and version != "latest":
        remedy = f"use a number from 1 to {contract.MAX_VERSION} without leading zeros, or latest"
        raise ArtifactError(f"{version[:80]!a} is not a version; {remedy}")
    chosen = contract.newest_version(folder) if number is None else folder / str(number)
    contract.check_number(chosen, contract.open_artifact(chosen).contract)
    contract.pin(folder, number)
    print(f"{chosen} is chosen; servers load it within RELOAD_SECONDS or at SIGHUP", file=sys.stderr)
    return 0
