"""The artifact of a job: the version that serves, or the one that the job was begun with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.contract import Artifact, numbered_versions, open_artifact
from app.registry import ArtifactCache, RemoteArtifact, default_cache


@dataclass(frozen=True, slots=True)
class ArtifactSource:
    """Where the artifact is.

    Attributes:
        place: a version folder, a folder of versions, or the URL of one of them.
        cache: for versions of a URL; None for the default.
        public_key: that must have signed it; None for any.
    """

    place: Path | str
    cache: Path | None = None
    public_key: Path | None = None

    def open(self, began: Mapping[str, Any] | None) -> Artifact:
        """Open and check the artifact.

        Args:
            began: version number and digest of the contract that the job was begun with: if that version is
                still there, it is opened, though another one serves now. None for a new job.

        Raises:
            ArtifactError: it is missing, damaged or not signed.
            StoreError: its store does not answer, and the cache has no version.
        """
        artifact = self._opened(self._served())
        if began is None or artifact.contract_sha256 == began["contract_sha256"]:
            return artifact
        folder = self._version(artifact, began["version"])
        return artifact if folder is None else self._opened(folder)

    def _served(self) -> Path:
        return self.place if isinstance(self.place, Path) else self._remote(self.place).first()

    def _version(self, served: Artifact, number: int) -> Path | None:
        """The folder of a version beside the served one; None if there is none such."""
        if number == served.contract.version:
            return None
        if isinstance(self.place, Path):
            return None if served.folder == self.place else numbered_versions(self.place).get(number)
        return self._remote(f"{self.place.rstrip('/')}/{number}").first()

    def _remote(self, url: str) -> RemoteArtifact:
        cache = ArtifactCache(self.cache or default_cache())
        return RemoteArtifact(url, cache, signed=self.public_key is not None)

    def _opened(self, folder: Path) -> Artifact:
        return open_artifact(folder, public_key=self.public_key)
