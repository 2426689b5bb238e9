"""Versions of an object store as a source of `ModelVersions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from app.inference.version_search import REPLACED, SearchResult
from app.registry import RemoteArtifact


class StoreSource:
    """The versions that a URL names; their folders are in the cache.

    Args:
        remote: finds and fetches them.
    """

    slow_because = "the store or the network is slow"

    def __init__(self, remote: RemoteArtifact) -> None:
        self._remote = remote

    @property
    def place(self) -> str:
        """The URL, without credentials."""
        return self._remote.place

    def search(self, *, loaded: Mapping[Path, str], known: Iterable[Path]) -> SearchResult:
        """Find the version that should serve; its folder may not be fetched yet.

        Raises:
            ArtifactError: there is no version, or the pin file is wrong.
            StoreError: the store cannot be read.
        """
        found = self._remote.find(loaded=loaded, known=known)
        replaced = f"{self.place}/{found.folder.name}: {REPLACED}" if found.replaced else ""
        return SearchResult(found.folder, found.state, replaced, misnamed={}, deleted=found.deleted)
