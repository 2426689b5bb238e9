"""The artifact of a server whose ARTIFACT is a URL."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.contract import CONTRACT_FILE, SIGNATURE_FILE, version_number
from app.errors import ArtifactError, StoreDenied, StoreError, StoreUnavailable
from app.registry.cache import ArtifactCache
from app.registry.download import RateLimit, is_intact
from app.registry.fetch import fetch, fetch_signature
from app.registry.versions import StoredVersion, StoreVersions
from app.store import Store, StoreTimeouts, open_store

# While a start waits for a store that is away, and the cache has a version.
BRIEF = StoreTimeouts(connect=3.0, read=5.0, retries=2, total=8.0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a check.

    Attributes:
        folder: in the cache, of the version to serve; it may not be there yet.
        state: compares unequal after a file of the version has changed in the store.
        replaced: a version of this number is loaded, and the store has other files under it.
        deleted: those of the known folders whose versions are no longer in the store.
    """

    folder: Path
    state: object
    replaced: bool
    deleted: frozenset[Path]


class RemoteArtifact:
    """Finds the version to serve in a store, and fetches it into a cache. All methods block.

    Args:
        url: of a folder of versions, or of one version.
        cache: for fetched versions.
        signed: fetch the signature again whenever a version is loaded.
        on_checked: called with the time of each successful check, in seconds since 1970; at a start without
            the store, with that of the last one.
        rate: the slowest rate of a download.
        timeouts: of requests; by default those of `open_store`, and `BRIEF` while a start waits.

    Raises:
        StoreUnsupported: the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        cache: ArtifactCache,
        *,
        signed: bool = False,
        on_checked: Callable[[float], None] | None = None,
        rate: RateLimit | None = None,
        timeouts: StoreTimeouts | None = None,
    ) -> None:
        self._url = url
        self._timeouts = timeouts
        self._store: Store = open_store(url, timeouts=timeouts)
        self._versions = StoreVersions(self._store)
        self._cache = cache
        self._signed = signed
        self._on_checked = on_checked or (lambda _: None)
        self._rate = rate or RateLimit()
        self._found: dict[Path, StoredVersion] = {}

    @property
    def place(self) -> str:
        """The URL, without credentials."""
        return self._store.url

    def first(self) -> Path:
        """The folder of the version to start with; from the cache if the store is away.

        Raises:
            ArtifactError: the store has no version, or a damaged one.
            StoreError: the store cannot be read, and the cache has no version of it.
        """
        remembered = self._cache.remembered(self.place)
        try:
            timeouts = self._timeouts or (BRIEF if remembered else None)
            version, _ = StoreVersions(open_store(self._url, timeouts=timeouts)).served()
            self._on_checked(time.time())
            return self.fetch(self._folder_of(version))
        except (StoreUnavailable, StoreDenied) as error:
            if remembered is None:
                raise
            checked, folder = self._cache.checked_at(self.place), self._cache.version(*remembered)
            ago = time.time() - checked
            message = "%s; starting with version %s of the cache, which the store named %.0f s ago"
            log.warning(message, error, folder.name, ago)
            self._on_checked(checked)
            return folder

    def find(self, *, loaded: Mapping[Path, str], known: Iterable[Path]) -> Found:
        """Check the store for the version to serve; nothing is fetched.

        Args:
            loaded: folders of the loaded versions, that which serves first.
            known: folders of refused versions.

        Raises:
            ArtifactError: there is no version, or the pin file is wrong.
            StoreError: the store cannot be read.
        """
        version, numbers = self._versions.served()
        is_direct = not version.prefix and bool(loaded)  # read once, as a folder that is a version
        folder = next(iter(loaded)) if is_direct else self._folder_of(version)
        self._record_check(version, folder, loaded)
        other = next((each for each in loaded if each.name == folder.name and each != folder), None)
        shown = other or folder
        return Found(
            folder=shown,
            state=version.sha256 if shown in loaded else self._state(version),
            replaced=other is not None,
            deleted=frozenset(each for each in known if _is_gone(each, shown, numbers)),
        )

    def fetch(self, folder: Path) -> Path:
        """Fetch the version of a folder that was found, unless the cache has it; the result is the folder.

        Raises:
            ArtifactError: the version is damaged in the store.
            StoreError: it cannot be fetched now; what has arrived is kept.
        """
        version = self._found[folder]
        digests = {CONTRACT_FILE: version.sha256, **version.parsed().files}
        with self._cache.lock(version.sha256), self._cache.errors():
            if folder.is_dir() and not is_intact(folder, digests):
                log.warning("%s: damaged; it is fetched again", folder)
                self._cache.discard(folder)
            if not folder.is_dir():
                fetch(self._store, version, self._cache.partial(version.sha256), rate=self._rate)
                self._cache.complete(version.sha256, version.name)
            elif self._signed:  # a version may be signed again, with another key
                self._fetch_signature(version, folder)
        self._cache.remember(self.place, version.sha256, version.name)
        return folder

    def _fetch_signature(self, version: StoredVersion, folder: Path) -> None:
        try:
            fetch_signature(self._store, version, folder)
        except StoreError as error:
            log.warning("%s; the signature in the cache is checked", error)

    def _folder_of(self, version: StoredVersion) -> Path:
        folder = self._cache.version(version.sha256, version.name)
        self._found[folder] = version
        return folder

    def _record_check(self, version: StoredVersion, folder: Path, loaded: Mapping[Path, str]) -> None:
        self._on_checked(time.time())
        self._cache.touch([*loaded, folder])
        here = version.sha256, version.name
        if (
            folder == self._cache.version(*here)
            and folder in loaded
            and self._cache.remembered(self.place) != here
        ):
            self._cache.remember(self.place, *here)  # pinned again, and still loaded: it is not fetched
        else:
            self._cache.set_checked(self.place)

    def _state(self, version: StoredVersion) -> object:
        """Differs after a file of the version was replaced in the store, such as one that was damaged."""
        try:
            names = [*version.parsed().files, SIGNATURE_FILE]
        except ArtifactError:
            return version.sha256
        return version.sha256, tuple(self._store.find(f"{version.prefix}{name}") for name in names)


def _is_gone(refused: Path, found: Path, numbers: frozenset[int]) -> bool:
    """Whether a refused version was deleted, or replaced by another one of its number."""
    if refused.name == found.name:
        return refused != found
    return bool(numbers) and version_number(refused.name) not in numbers
