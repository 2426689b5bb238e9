"""The cache of fetched versions: one folder for each, named by the digest of its contract.

    <cache>/versions/<sha256 of contract.json>/<number>/    a complete version, renamed into place
    <cache>/partial/<sha256 of contract.json>.<host>/       what has arrived of another; beside it, its lock
    <cache>/sources/<digest of a URL>                       the version that the URL last named; the time of
                                                            the file is that of the last successful check

Any number of processes may use it at once, those of other replicas included. A lock lets one of them fetch
while the others wait. On a network file system without locks, one process of each host fetches.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import StoreError, StoreUnavailable

# A version that no process has used for this long is deleted when another one is fetched.
UNUSED_SECONDS = 7 * 24 * 3600.0
# Without a byte for this long, the process that fetches a version hangs: its requests have shorter timeouts.
STALLED_SECONDS = 150.0
_POLL_SECONDS = 0.1
_PRIVATE = 0o700


def default_cache() -> Path:
    """The cache of this user: in `XDG_CACHE_HOME`, or else in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "timeseries-server"


class ArtifactCache:
    """A cache of versions. Its methods raise `StoreError` if the folder cannot be used.

    Args:
        folder: of the cache; made, for this user alone, when it is first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._versions, self._partial, self._sources = (
            folder / name for name in ("versions", "partial", "sources")
        )

    def version(self, sha256: str, name: str) -> Path:
        """Where a version is once it is complete."""
        return self._versions / sha256 / name

    def partial(self, sha256: str) -> Path:
        """The folder in which a version arrives on this host; hold its lock."""
        folder = self._partial / f"{sha256}.{socket.gethostname()}"
        with self.errors():
            folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        return folder

    def complete(self, sha256: str, name: str) -> Path:
        """Rename the folder in which a version has arrived; versions that nobody uses are deleted."""
        final = self.version(sha256, name)
        with self.errors():
            final.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            partial = self.partial(sha256)
            try:
                partial.rename(final)
            except OSError:
                if not final.is_dir():  # else another host was quicker
                    raise
                shutil.rmtree(partial, ignore_errors=True)
            self.touch([final])
            self._delete_unused()
        return final

    def discard(self, folder: Path) -> None:
        """Remove a damaged version, at once for those that open it later."""
        with self.errors():
            aside = self.partial(f"damaged.{uuid.uuid4().hex}")
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def touch(self, folders: Iterable[Path]) -> None:
        """Set the times of files or folders to now: they are in use."""
        for folder in folders:
            with suppress(OSError):  # deleted by hand, say
                os.utime(folder)

    @contextmanager
    def lock(self, sha256: str) -> Iterator[None]:
        """Hold the lock of a version; waits while another process fetches it.

        Raises:
            StoreUnavailable: that process makes no progress.
        """
        with self.errors():
            self._partial.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            file = (self._partial / f"{sha256}.lock").open("a")
        with file:
            self._acquire(file.fileno(), sha256)
            yield

    def _acquire(self, lock: int, sha256: str) -> None:
        arrived, since = -1, time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            except OSError:  # a file system without locks
                return
            else:
                return
            now = time.monotonic()
            if (size := self._arrived(sha256)) != arrived:
                arrived, since = size, now
            elif now - since > STALLED_SECONDS:
                raise StoreUnavailable(
                    f"{self.folder}: another process fetches a version and makes no progress for "
                    f"{STALLED_SECONDS:g} s; end it if it hangs"
                )
            time.sleep(_POLL_SECONDS)

    def _arrived(self, sha256: str) -> int:
        """Bytes of a version that have arrived."""
        size = 0
        for file in self._partial.glob(f"{sha256}.*/*"):
            with suppress(OSError):  # complete, say
                size += file.stat().st_size
        return size

    def remember(self, url: str, sha256: str, name: str) -> None:
        """Record that a URL names a version, which is complete here, and that this was checked now."""
        file, text = self._source(url), json.dumps({"url": url, "sha256": sha256, "name": name})
        with self.errors():
            self._sources.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            new = file.with_name(f".{uuid.uuid4().hex}")
            new.write_text(text, encoding="utf-8")
            new.replace(file)

    def remembered(self, url: str) -> tuple[str, str] | None:
        """Digest and name of the version that a URL last named; None if it is not here."""
        try:
            found = json.loads(self._source(url).read_text(encoding="utf-8"))
            sha256, name = str(found["sha256"]), str(found["name"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (sha256, name) if self.version(sha256, name).is_dir() else None

    def set_checked(self, url: str) -> None:
        """Record that a URL was checked now, if it has named a version before."""
        self.touch([self._source(url)])

    def checked_at(self, url: str) -> float:
        """Time of the last successful check of a URL by any process, in seconds since 1970; 0 without one."""
        try:
            return self._source(url).stat().st_mtime
        except OSError:
            return 0.0

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn an `OSError` of the cache's files into a `StoreError` that names the setting."""
        try:
            yield
        except OSError as error:
            place = error.filename or self.folder
            raise StoreError(
                f"ARTIFACT_CACHE: {place}: cannot be used ({error.strerror}); set it to a folder that can be "
                "written and has space"
            ) from error

    def _source(self, url: str) -> Path:
        return self._sources / hashlib.sha256(url.encode()).hexdigest()[:32]

    def _delete_unused(self) -> None:
        before = time.time() - UNUSED_SECONDS
        for folder in (*self._versions.glob("*/*"), *self._partial.iterdir()):
            with suppress(OSError):
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
