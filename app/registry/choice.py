"""Chooses the version that is served, in a store: writes or deletes its pin file."""

from __future__ import annotations

from app.contract import MODEL_FILE, PIN_FILE
from app.errors import ArtifactError, ObjectMissing
from app.registry.versions import StoredVersion, StoreVersions
from app.store import Store


def choose(store: Store, number: int | None) -> str:
    """Pin a version; the result is its URL.

    Args:
        store: of versions.
        number: of the version; None removes the pin, so that the highest is served.

    Raises:
        ArtifactError: the version does not exist or its contract is wrong; the choice stays as it was.
        StoreError: the store cannot be read or written.
    """
    versions = StoreVersions(store)
    version = versions.highest() if number is None else _existing(store, versions, number)
    found = version.parsed().version
    if str(found) != version.name:
        raise ArtifactError(f"{version.place}: says version {found}; publish it under that number")
    if store.find(f"{version.prefix}{MODEL_FILE}") is None:
        raise ArtifactError(f"{store.url}/{version.name}: has no {MODEL_FILE}; publish the version again")
    if number is None:
        store.delete(PIN_FILE)
    else:
        store.overwrite(PIN_FILE, f"{number}\n".encode())
    return f"{store.url}/{version.name}"


def _existing(store: Store, versions: StoreVersions, number: int) -> StoredVersion:
    try:
        return versions.version(number)
    except ObjectMissing as error:
        raise ArtifactError(f"{store.url}: version {number} does not exist") from error
