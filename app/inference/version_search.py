"""Searches a folder of versions: which version should serve, and which folders are wrong.

Everything here reads the file system, so run it off the event loop. It knows folders, and no service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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

REPLACED = (
    "its files were replaced after it was loaded. A version must not change: publish the new files under a "
    "new version number, or restart the server to serve them"
)


class VersionSource(Protocol):
    """Where versions come from.

    Attributes:
        place: for messages, such as a path.
        slow_because: what may be wrong when it takes long, for messages.
    """

    @property
    def place(self) -> str: ...  # noqa: D102

    @property
    def slow_because(self) -> str: ...  # noqa: D102

    def search(self, *, loaded: Mapping[Path, str], known: Iterable[Path]) -> SearchResult:
        """Find the version that should serve; see `search`. It may raise a `StoreError`, too."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A version folder or a folder of versions on a file system."""

    path: Path
    slow_because: str = "its file system may hang"

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    def search(self, *, loaded: Mapping[Path, str], known: Iterable[Path]) -> SearchResult:
        """Find the version that should serve; see `search`."""
        return search(self.path, loaded=loaded, known=known)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of one search.

    Attributes:
        folder: of the version that should serve.
        state: compares unequal after a file in the folder has changed.
        replaced: why it is refused, if another version was loaded from the same folder; else empty.
        misnamed: folders below the path that are never served, and why.
        deleted: those of the known folders that no longer exist.
    """

    folder: Path
    state: object
    replaced: str
    misnamed: Mapping[Path, str]
    deleted: frozenset[Path]


def search(path: Path, *, loaded: Mapping[Path, str], known: Iterable[Path]) -> SearchResult:
    """Find the version that should serve.

    Args:
        path: a version folder or a folder of versions.
        loaded: folders of loaded versions, with the SHA-256 of their contracts as loaded.
        known: folders to check for deletion.

    Raises:
        ArtifactError: there is no version, or a file cannot be read.
    """
    folder = find_version(path)
    is_direct = folder == path
    # A version folder that the path names itself is read once, at the start.
    is_other = not is_direct and folder in loaded and sha256_of(folder / CONTRACT_FILE) != loaded[folder]
    misnamed = {} if is_direct else misnamed_versions(path)
    return SearchResult(
        folder=folder,
        state=state_of(folder),
        replaced=f"{folder}: {REPLACED}" if is_other else "",
        misnamed={path / name: reason for name, reason in misnamed.items()},
        deleted=frozenset(each for each in known if not each.exists()),
    )


def check_fits(artifact: Artifact, path: Path, *, name: str, loaded: Collection[int]) -> None:
    """Check that a version can be loaded beside the others.

    Args:
        artifact: the version.
        path: that was searched.
        name: of the served model.
        loaded: numbers of the loaded versions.

    Raises:
        ArtifactError: it belongs to another model, its folder's name is not its number, or a version with
            that number is loaded.
    """
    folder, contract = artifact.folder, artifact.contract
    if contract.name != name:
        raise ArtifactError(f"{folder}: belongs to model {contract.name!r}; this server serves {name!r}")
    if folder != path:
        check_number(folder, contract)
    if contract.version in loaded:
        raise ArtifactError(f"{folder}: version {contract.version} is already loaded from another folder")
