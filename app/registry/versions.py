"""Which versions a store has, and which one is served. Contracts alone are read here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from app.contract import (
    CONTRACT_FILE,
    MAX_PIN_BYTES,
    MAX_TEXT_BYTES,
    PIN_FILE,
    Contract,
    missing_pinned,
    parse_contract,
    pinned_number,
    version_number,
)
from app.errors import ArtifactError, ObjectMissing, StoreDenied, StoreUnsupported
from app.store import Store, StoredContent

VERSIONS_FILE = "VERSIONS"
# Enough for a hundred thousand numbers.
MAX_INDEX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A complete version in a store.

    Attributes:
        prefix: of its files, with a slash at the end; empty if the store's URL names the version itself.
        name: its number as its folder's name has it; that of its contract if the URL names it.
        contract: the content of `contract.json`, not yet validated.
        place: URL of `contract.json`, for messages.
    """

    prefix: str
    name: str
    contract: bytes
    place: str

    @property
    def sha256(self) -> str:
        """Of the contract, in hexadecimal. It covers the digests of all files."""
        return hashlib.sha256(self.contract).hexdigest()

    def parsed(self) -> Contract:
        """The validated contract.

        Raises:
            ArtifactError: it is not valid.
        """
        return parse_contract(self.contract, self.place)


@dataclass(frozen=True, slots=True)
class _Root:
    """What is directly below the store's URL."""

    is_version: bool
    pin: bytes | None
    numbers: tuple[int, ...]


class StoreVersions:
    """The versions of a store; remembers contracts, so that a check without news is a few small requests."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._contracts: dict[str, StoredContent] = {}

    def numbers(self) -> list[int]:
        """All numbers that the store lists, ascending; the versions may be incomplete.

        Raises:
            StoreError: the store cannot be read.
        """
        return sorted(self._root().numbers)

    def served(self) -> tuple[StoredVersion, frozenset[int]]:
        """The version to serve, and the numbers of all.

        Raises:
            ArtifactError: there is none, or the pin file is wrong.
            StoreError: the store cannot be read.
        """
        root = self._root()
        if root.is_version:
            return self._direct(), frozenset()
        if root.pin is not None:
            place = f"{self._store.url}/{PIN_FILE}"
            number = pinned_number(root.pin, place)
            try:
                return self.version(number), frozenset(root.numbers)
            except ObjectMissing as error:
                raise ArtifactError(missing_pinned(place, number)) from error
        return self._highest(root.numbers), frozenset(root.numbers)

    def highest(self) -> StoredVersion:
        """The highest complete version, whether or not another one is pinned; raises as `served` does."""
        return self._highest(self._root().numbers)

    def version(self, number: int) -> StoredVersion:
        """A version by its number.

        Raises:
            ObjectMissing: it does not exist, or is not complete.
            StoreError: the store cannot be read.
        """
        return self._read(f"{number}/", str(number))

    def _highest(self, numbers: Iterable[int]) -> StoredVersion:
        for number in sorted(numbers, reverse=True):
            try:
                return self.version(number)
            except ObjectMissing:  # not complete, or deleted but still in VERSIONS
                continue
        raise ArtifactError(
            f"{self._store.url}: contains no {CONTRACT_FILE} and no version folder with one; publish a "
            "version there, or check the URL"
        )

    def _direct(self) -> StoredVersion:
        found = self._read("", "")
        return StoredVersion("", str(found.parsed().version), found.contract, found.place)

    def _read(self, prefix: str, name: str) -> StoredVersion:
        path = f"{prefix}{CONTRACT_FILE}"
        known = self._contracts.get(path)
        if known is None or not self._is_unchanged(path, known):
            known = self._contracts[path] = self._store.read(path, max_bytes=MAX_TEXT_BYTES)
        return StoredVersion(prefix, name, known.content, f"{self._store.url}/{path}")

    def _is_unchanged(self, path: str, known: StoredContent) -> bool:
        now = self._store.find(path) if known.etag else None
        return now is not None and now.etag == known.etag

    def _root(self) -> _Root:
        try:
            found = self._store.children()
        except StoreUnsupported:
            return self._root_without_list()
        names = {each.path for each in found.objects}
        is_version = CONTRACT_FILE in names
        pin = self._pin() if PIN_FILE in names and not is_version else None
        return _Root(is_version, pin, tuple(_numbers(found.folders)))

    def _root_without_list(self) -> _Root:
        if self._exists(CONTRACT_FILE):
            return _Root(True, None, ())
        try:
            index = self._store.read(VERSIONS_FILE, max_bytes=MAX_INDEX_BYTES).content
        except ObjectMissing as error:
            raise ArtifactError(
                f"{self._store.url}: has neither {CONTRACT_FILE} nor {VERSIONS_FILE}; publish a version "
                "there, or check the URL"
            ) from error
        try:
            pin = self._pin()
        except StoreDenied:  # see `_exists`; the index could be read
            pin = None
        return _Root(False, pin, tuple(_numbers(index.decode("ascii", errors="replace").split())))

    def _exists(self, path: str) -> bool:
        try:
            return self._store.find(path) is not None
        except StoreDenied:  # S3 over HTTP says so of a missing object to those who may not list
            return False

    def _pin(self) -> bytes | None:
        try:
            return self._store.read(PIN_FILE, max_bytes=MAX_PIN_BYTES).content
        except ObjectMissing:
            return None


def _numbers(names: Iterable[str]) -> Iterable[int]:
    return (number for name in names if (number := version_number(name)) is not None)
