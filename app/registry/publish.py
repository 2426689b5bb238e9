"""Publishes a version into a store."""

from __future__ import annotations

from pathlib import Path

from app.contract import CONTRACT_FILE, MODEL_FILE, SIGNATURE_FILE, Artifact, open_artifact, sha256_of
from app.errors import ArtifactError, ObjectConflict, ObjectMissing
from app.registry.download import content_sha256
from app.registry.versions import MAX_INDEX_BYTES, VERSIONS_FILE
from app.store import Store, StoredContent

# Attempts to add a number to VERSIONS while others do.
_INDEX_ATTEMPTS = 20


def publish(folder: Path, store: Store) -> str:
    """Publish a version folder as `<store>/<version>/`; the result is its URL.

    Every write is "create only", in one order for all: `model.keras` first, `contract.json` last. Of several
    that publish different files under one number, the first to create the first file that differs wins. No
    reader sees a version that is half written. A publication that was killed is completed by the same call;
    one that is complete changes nothing.

    Args:
        folder: of the version, or of versions: then that which is served.
        store: where it goes.

    Raises:
        ArtifactError: the version is damaged, or the store has other files under its number.
        StoreError: the store cannot be written, or has no conditional writes.
    """
    artifact = open_artifact(folder)
    prefix = str(artifact.contract.version)
    for name in _in_order(artifact):
        _create(store, f"{prefix}/{name}", artifact.folder / name)
    _add_to_index(store, artifact.contract.version)
    return f"{store.url}/{prefix}"


def _in_order(artifact: Artifact) -> list[str]:
    others = sorted(artifact.contract.files.keys() - {MODEL_FILE})
    signature = [SIGNATURE_FILE] if (artifact.folder / SIGNATURE_FILE).is_file() else []
    return [MODEL_FILE, *others, *signature, CONTRACT_FILE]


def _create(store: Store, path: str, file: Path) -> None:
    try:
        store.create(path, file)
    except ObjectConflict as error:
        if content_sha256(store.stream(path)) == sha256_of(file):
            return  # of an earlier attempt
        if path.endswith(f"/{SIGNATURE_FILE}"):  # a signature differs each time that it is made
            return
        raise ArtifactError(
            f"{store.url}/{path}: another publisher has this version number with other files; seal the "
            "version under the next number, or delete that folder in the store if it will not be completed"
        ) from error


def _add_to_index(store: Store, version: int) -> None:
    """Add a number to the file for readers that cannot list."""
    for _ in range(_INDEX_ATTEMPTS):
        found = _index(store)
        numbers = set(found.content.decode("ascii", errors="replace").split()) if found else set()
        if str(version) in numbers:
            return
        content = "".join(f"{each}\n" for each in sorted({*numbers, str(version)}, key=_by_number)).encode()
        try:
            if found is None:
                store.create(VERSIONS_FILE, content)
            else:
                store.replace(VERSIONS_FILE, content, etag=found.etag)
        except ObjectConflict:
            continue
        return
    remedy = f"run the same command again to add {version}"
    raise ArtifactError(f"{store.url}/{VERSIONS_FILE}: others change it all the time; {remedy}")


def _index(store: Store) -> StoredContent | None:
    try:
        return store.read(VERSIONS_FILE, max_bytes=MAX_INDEX_BYTES)
    except ObjectMissing:
        return None


def _by_number(text: str) -> tuple[int, str]:
    return len(text), text
