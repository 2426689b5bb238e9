"""Downloads a file of a known digest: resumes after a broken connection, and after a restart."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.contract import sha256_of
from app.errors import ArtifactError, StoreUnavailable, StoreUnsupported
from app.store import Store

# Attempts in a row that bring no byte before the download fails. Each has the retries of the store.
MAX_IDLE_ATTEMPTS = 3
# Whole downloads with a wrong digest before the version is refused.
MAX_WRONG = 2


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The slowest rate at which a download continues.

    Attributes:
        min_bytes: that must arrive in each window.
        seconds: length of a window.
    """

    min_bytes: int = 64 * 1024
    seconds: float = 30.0


class TooSlow(StoreUnavailable):
    """A download makes too little progress; what has arrived is kept."""


def download(store: Store, path: str, target: Path, *, sha256: str, most: int, rate: RateLimit) -> None:
    """Download an object into a file; what the file has of it already is not downloaded again.

    Args:
        store: that has the object.
        path: of the object.
        target: the file, which may have the beginning of the object.
        sha256: of the object, in hexadecimal.
        most: largest size in bytes.
        rate: limit.

    Raises:
        ArtifactError: the object has another digest or is too large.
        StoreError: it does not exist or cannot be read; the file keeps what has arrived.
        OSError: the file cannot be written.
    """
    place = f"{store.url}/{path}"
    idle = wrong = 0
    while wrong < MAX_WRONG:
        before = target.stat().st_size if target.exists() else 0
        if before and sha256_of(target, most=most) == sha256:
            return
        try:
            _append(store, path, target, before, most=most, rate=rate)
        except StoreUnsupported:  # no ranges, or nothing beyond what the file has: it is not this object
            target.unlink(missing_ok=True)
            wrong += before == 0
            continue
        except TooSlow:
            raise
        except StoreUnavailable:
            idle = 0 if target.exists() and target.stat().st_size > before else idle + 1
            if idle == MAX_IDLE_ATTEMPTS:
                raise
            continue
        actual = sha256_of(target, most=most)
        if actual == sha256:
            return
        wrong += 1
        target.unlink()
    raise ArtifactError(
        f"{place}: damaged: its SHA-256 is not {sha256[:12]}…, which the contract has; publish the version "
        "again under a new number"
    )


def _append(store: Store, path: str, target: Path, start: int, *, most: int, rate: RateLimit) -> None:
    size = start
    with target.open("ab") as file:
        for piece in _fast_enough(store.stream(path, start=start), f"{store.url}/{path}", rate):
            size += len(piece)
            if size > most:
                raise ArtifactError(f"{store.url}/{path}: too large: more than {most:,} bytes")
            file.write(piece)


def _fast_enough(pieces: Iterator[bytes], place: str, rate: RateLimit) -> Iterator[bytes]:
    """The pieces.

    Raises:
        TooSlow: too few bytes have arrived in a window.
    """
    began, arrived = time.monotonic(), 0
    for piece in pieces:
        yield piece
        arrived += len(piece)
        now = time.monotonic()
        if now - began >= rate.seconds:
            if arrived < rate.min_bytes:
                raise TooSlow(
                    f"{place}: too slow: {arrived:,} bytes in {now - began:.3g} s; the next check continues"
                )
            began, arrived = now, 0


def is_intact(folder: Path, files: dict[str, str]) -> bool:
    """Whether all files of a folder are there and have their digests."""
    for name, expected in files.items():
        try:
            if sha256_of(folder / name) != expected:
                return False
        except ArtifactError:
            return False
    return True


def content_sha256(pieces: Iterable[bytes]) -> str:
    """SHA-256 of content that arrives in pieces, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
