"""Object stores by the package obstore: S3, Google Cloud Storage, Azure, and files of an HTTP server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import obstore
from obstore import exceptions
from obstore.store import from_url

from app.errors import ObjectConflict, ObjectMissing, StoreError, StoreUnsupported
from app.store.base import CONFLICT, MAX_READ_BYTES, Children, StoredContent, StoredObject, check_path
from app.store.failures import store_error
from app.store.location import shown_url

if TYPE_CHECKING:
    from app.store.opening import StoreTimeouts

# Of a broken download, the last piece that is not complete is lost.
_CHUNK_BYTES = 64 * 1024
# A body as a whole has no timeout: a model over a slow line takes long. `StoreTimeouts.read` ends a stall.
_BODY_TIMEOUT = timedelta(days=1)
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AZURE_ENDPOINT")
_FIRST_PAUSE, _MAX_PAUSE = timedelta(milliseconds=100), timedelta(seconds=5)


class ObjectStore:
    """A folder of an object store. See `Store` for the methods.

    Args:
        url: as `check_url` returns it.
        timeouts: of its requests.

    Raises:
        StoreUnsupported: a setting of the environment is not valid or missing.
    """

    def __init__(self, url: str, timeouts: StoreTimeouts) -> None:
        self.url = shown_url(url)
        self._is_http = url.lower().startswith("http")
        try:
            self._store: Any = from_url(
                url,
                client_options={
                    "allow_http": self._is_http or _has_http_endpoint(),
                    "connect_timeout": timedelta(seconds=timeouts.connect),
                    "read_timeout": timedelta(seconds=timeouts.read),
                    "timeout": _BODY_TIMEOUT,
                },
                retry_config={
                    "max_retries": timeouts.retries,
                    "retry_timeout": timedelta(seconds=timeouts.total),
                    "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _MAX_PAUSE, "base": 2},
                },
            )
        except (exceptions.BaseError, ValueError) as error:
            reason = str(error).split("\n", 1)[0]
            remedy = "check the URL and the variables of the environment for the store"
            raise StoreUnsupported(f"{self.url}: cannot be opened ({reason}); {remedy}") from error

    def read(self, path: str, *, max_bytes: int = MAX_READ_BYTES) -> StoredContent:
        """Content and etag in one call; see `Store`."""
        with self._errors(path):
            found = obstore.get(self._store, self._path(path))
            if found.meta["size"] > max_bytes:
                raise StoreError(
                    f"{self._shown(path)}: too large: {found.meta['size']:,} bytes of at most {max_bytes:,}"
                )
            return StoredContent(bytes(found.bytes()), found.meta["e_tag"] or "")

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """A part of an object; see `Store`."""
        with self._errors(path):
            return bytes(obstore.get_range(self._store, self._path(path), start=start, length=length))

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """The content in pieces; see `Store`."""
        with self._errors(path):
            options: Any = {"range": {"offset": start}} if start else {}
            for piece in obstore.get(self._store, self._path(path), options=options).stream(_CHUNK_BYTES):
                yield bytes(piece)

    def find(self, path: str) -> StoredObject | None:
        """An object without its content, or None; see `Store`."""
        try:
            with self._errors(path):
                return _object(obstore.head(self._store, self._path(path)))
        except ObjectMissing:
            return None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects below a folder; see `Store`."""
        with self._listing(prefix):
            for batch in obstore.list(self._store, prefix or None):
                yield from map(_object, batch)

    def children(self, prefix: str = "") -> Children:
        """What is directly below a folder; see `Store`."""
        with self._listing(prefix):
            found = obstore.list_with_delimiter(self._store, prefix or None)
        folders = sorted(path.rpartition("/")[2] for path in found["common_prefixes"])
        objects = sorted(map(_object, found["objects"]), key=lambda each: each.path)
        return Children(tuple(folders), tuple(objects))

    def create(self, path: str, content: bytes | Path) -> str:
        """Write a new object; see `Store`."""
        self._refuse_http(path)
        return self._put(path, content, mode="create")

    def replace(self, path: str, content: bytes, *, etag: str) -> str:
        """Replace an object that has not changed; see `Store`."""
        self._refuse_http(path)
        return self._put(path, content, mode={"e_tag": etag})

    def overwrite(self, path: str, content: bytes | Path) -> str:
        """Write an object whether it exists or not; see `Store`."""
        return self._put(path, content, mode="overwrite")

    def delete(self, path: str) -> None:
        """Delete an object; see `Store`."""
        with self._errors(path), suppress(FileNotFoundError):  # S3 says nothing, others do
            obstore.delete(self._store, self._path(path))

    def _put(self, path: str, content: bytes | Path, *, mode: Any) -> str:
        with self._errors(path):
            try:
                return obstore.put(self._store, self._path(path), content, mode=mode)["e_tag"] or ""
            except FileNotFoundError:
                if mode in ("create", "overwrite"):
                    raise
                raise ObjectConflict(f"{self._shown(path)}: {CONFLICT}") from None

    def _path(self, path: str) -> str:
        return check_path(path)

    def _refuse_http(self, path: str) -> None:
        if self._is_http:
            raise StoreUnsupported(
                f"{self._shown(path)}: an HTTP server has no conditional writes; use s3://, gs:// or az://"
            )

    @contextmanager
    def _listing(self, prefix: str) -> Iterator[None]:
        if self._is_http:
            raise StoreUnsupported(
                f"{self._shown(prefix)}: an HTTP server cannot list; use s3://, gs:// or az://"
            )
        with self._errors(prefix):
            yield

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise store_error(error, self._shown(path)) from error

    def _shown(self, path: str) -> str:
        return f"{self.url}/{quote(path, safe='/ ')}" if path else self.url


def _has_http_endpoint() -> bool:
    """Whether the environment names an endpoint without TLS, such as a store in the same cluster."""
    return any(os.environ.get(name, "").lower().startswith("http://") for name in _ENDPOINTS)


def _object(meta: Any) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["e_tag"] or "")
