"""Fetches a version of a store into a folder."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from app.contract import CONTRACT_FILE, MAX_FILE_BYTES, MAX_TEXT_BYTES, SIGNATURE_FILE
from app.errors import ObjectMissing
from app.registry.download import RateLimit, download
from app.registry.versions import StoredVersion
from app.store import Store

log = logging.getLogger(__name__)


def fetch(store: Store, version: StoredVersion, folder: Path, *, rate: RateLimit | None = None) -> None:
    """Complete the files of a version in a folder; those that it has already are not fetched again.

    Args:
        store: that has the version.
        version: of the store.
        folder: exists; other files in it stay.
        rate: the slowest rate.

    Raises:
        ArtifactError: the contract is not valid, or a file has another digest than it says.
        StoreError: a file does not exist or cannot be read; the folder keeps what has arrived.
        OSError: the folder cannot be written.
    """
    contract = version.parsed()
    began = time.monotonic()
    limit = rate or RateLimit()
    for name, digest in contract.files.items():
        path = f"{version.prefix}{name}"
        try:
            download(store, path, folder / name, sha256=digest, most=MAX_FILE_BYTES, rate=limit)
        except ObjectMissing as error:
            raise ObjectMissing(f"{error}, so the version is not complete; publish it again") from error
    fetch_signature(store, version, folder)
    (folder / CONTRACT_FILE).write_bytes(version.contract)
    size = sum((folder / name).stat().st_size for name in contract.files)
    log.info("fetched %s: %s bytes in %.1f s", version.place, f"{size:,}", time.monotonic() - began)


def fetch_signature(store: Store, version: StoredVersion, folder: Path) -> None:
    """Write a version's signature into its folder, if it has one; an older one there is replaced at once.

    Raises:
        StoreError: it cannot be read.
        OSError: the folder cannot be written.
    """
    try:
        content = store.read(f"{version.prefix}{SIGNATURE_FILE}", max_bytes=MAX_TEXT_BYTES).content
    except ObjectMissing:
        return
    new = folder / f".{SIGNATURE_FILE}.partial"
    new.write_bytes(content)
    new.replace(folder / SIGNATURE_FILE)
