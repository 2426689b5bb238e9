"""What a look at a folder of versions finds: which one is to be served, and what is wrong with the folders.

All of it reads the file system, so it is for a thread of its own. It knows folders, and no service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.contract import (
    CONTRACT_FILE,
    Artifact,
    check_number,
    find_version,
    misnamed_versions,
    sha256_of,
    state_of,
)
from app.errors import ArtifactError

_REPLACED = (
    "this version is loaded already, and its files were replaced since; a version does not change: give the "
    "new files a number of their own, or restart to serve them"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found.

    Attributes:
        folder: of the version that is to be served.
        state: what differs when a file in it has changed.
        replaced: why it is not taken, if another version was loaded from it; else empty.
        misnamed: folders below the path that are never served, and why.
        gone: of the folders that were asked for, those that are not there any more.
    """

    folder: Path
    state: object
    replaced: str
    misnamed: Mapping[Path, str]
    gone: frozenset[Path]


def search(path: Path, *, loaded: Mapping[Path, str], known: Iterable[Path]) -> Found:
    """Look for the version that is to be served.

    Args:
        path: a version folder or a folder of versions.
        loaded: the folders that versions were loaded from, and the SHA-256 of their contracts as loaded.
        known: folders of which to say whether they are gone.

    Raises:
        ArtifactError: there is no version, or something cannot be read.
    """
    folder = find_version(path)
    is_direct = folder == path
    # Who names a version folder gets what was in it at the start for as long as the process lives.
    is_other = not is_direct and folder in loaded and sha256_of(folder / CONTRACT_FILE) != loaded[folder]
    misnamed = {} if is_direct else misnamed_versions(path)
    return Found(
        folder=folder,
        state=state_of(folder),
        replaced=f"{folder}: {_REPLACED}" if is_other else "",
        misnamed={path / name: reason for name, reason in misnamed.items()},
        gone=frozenset(each for each in known if not each.exists()),
    )


def check_fits(artifact: Artifact, path: Path, *, name: str, loaded: Collection[int]) -> None:
    """Check that a version can be loaded beside others.

    Args:
        artifact: the version.
        path: where it was searched for.
        name: of the model that is served.
        loaded: the versions that are loaded.

    Raises:
        ArtifactError: it is one of another model, its folder is not named by its number, or a version of that
            number is loaded.
    """
    folder, contract = artifact.folder, artifact.contract
    if contract.name != name:
        raise ArtifactError(f"{folder}: a version of {contract.name!r}, and {name!r} is served")
    if folder != path:
        check_number(folder, contract)
    if contract.version in loaded:
        raise ArtifactError(f"{folder}: version {contract.version} is loaded already, from another folder")
