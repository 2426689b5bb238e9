"""Copies a version of a store into a folder of versions."""

from __future__ import annotations

from pathlib import Path

from app.contract import CONTRACT_FILE, check_number, open_artifact, sha256_of
from app.errors import ArtifactError, ObjectMissing
from app.registry.fetch import fetch
from app.registry.versions import StoreVersions
from app.store import Store


def pull(store: Store, number: int | None, folder: Path) -> Path:
    """Copy a version to `<folder>/<version>`, complete or not at all; the result is that folder.

    Args:
        store: that has it.
        number: of the version; None for that which is served.
        folder: of versions; made if missing. An interrupted copy is continued by the next one.

    Raises:
        ArtifactError: the version does not exist, is damaged, or the folder has another one of its number.
        StoreError: the store cannot be read.
    """
    versions = StoreVersions(store)
    try:
        version = versions.served()[0] if number is None else versions.version(number)
    except ObjectMissing as error:
        raise ArtifactError(f"{error}; `artifact list` shows the versions") from error
    final, partial = folder / version.name, folder / f".{version.sha256}.partial"
    if (final / CONTRACT_FILE).is_file() and sha256_of(final / CONTRACT_FILE) == version.sha256:
        open_artifact(final)
        return final
    if final.exists():
        raise ArtifactError(
            f"{final}: has another version {version.name}; choose another folder, or delete it"
        )
    try:
        partial.mkdir(parents=True, exist_ok=True)
        fetch(store, version, partial)
        contract = open_artifact(partial).contract
        if version.prefix:
            check_number(partial.with_name(version.name), contract)
        partial.rename(final)
    except OSError as error:
        raise ArtifactError(f"{error.filename or folder}: cannot be written ({error.strerror})") from error
    return final
