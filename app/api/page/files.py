"""Static files below one path: immutable names, ETag, and gzip that is compressed once.

A file is served under its plain name, and under `<digest>/<name>`, where the digest is that of all files
together. So modules that import each other by relative paths have immutable names without a build step.
During a rolling restart a page may request its files from a server of another release: an unknown digest gets
the file of this release, which the browser must then not cache.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.errors import AppError

IMMUTABLE = "max-age=31536000, immutable"
_DIGEST_CHARACTERS = 16
_DIGEST = re.compile(rf"[0-9a-f]{{{_DIGEST_CHARACTERS}}}")
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SERVED = frozenset((*_MEDIA_TYPES, ".png"))
_GZIP_LEVEL = 9


class MissingPackage(AppError):
    """A package with files of a page is not installed."""


class Compressed:
    """A body that is sent gzipped to all clients that accept that.

    Args:
        content: as it is without gzip.
        media_type: its media type.

    Attributes:
        etag: of the content; that of the gzipped form differs.
    """

    def __init__(self, content: bytes, media_type: str) -> None:
        self._content = content
        self._media_type = media_type
        self._gzipped = gzip.compress(content, _GZIP_LEVEL, mtime=0)
        self.etag = sha256(content).hexdigest()[:32]

    def response(self, request: Headers, *, cache: str = "no-cache", **headers: str) -> Response:
        """The response to a GET: 200, or 304 to a client that has this content.

        Args:
            request: headers of the request.
            cache: value of Cache-Control; empty for none.
            headers: further ones of the response, with `_` for `-` in their names.
        """
        is_gzipped = accepts_gzip(request)
        etag = f'"{self.etag}-gzip"' if is_gzipped else f'"{self.etag}"'
        given = {"ETag": etag, **{name.replace("_", "-"): value for name, value in headers.items()}}
        given["Vary"] = ", ".join(filter(None, [given.get("Vary"), "Accept-Encoding"]))
        if cache:
            given["Cache-Control"] = cache
        known = {tag.strip().removeprefix("W/") for tag in request.get("if-none-match", "").split(",")}
        if etag in known:
            return Response(status_code=304, headers=given)
        if is_gzipped:
            given["Content-Encoding"] = "gzip"
        return Response(
            self._gzipped if is_gzipped else self._content, media_type=self._media_type, headers=given
        )


class Files(StaticFiles):
    """An ASGI app that serves the files of some folders.

    Args:
        folders: the first that has a name is used.
        patterns: of the names of the files whose digest is the immutable name.

    Attributes:
        digest: of the names and contents of all files.
    """

    def __init__(self, folders: Sequence[Path], patterns: Sequence[str] = ("**/*",)) -> None:
        super().__init__(directory=folders[0])
        self.all_directories = list(folders)
        self._patterns = patterns
        self._compressed: dict[str, Compressed] = {}
        found = sha256()
        for name, path in sorted(self.paths()):
            found.update(f"{name}\n".encode() + path.read_bytes())
        self.digest = found.hexdigest()[:_DIGEST_CHARACTERS]

    def paths(self) -> Iterator[tuple[str, Path]]:
        """Name and path of each file."""
        for folder in map(Path, self.all_directories):
            for pattern in self._patterns:
                for path in folder.glob(pattern):
                    if path.suffix in _SERVED:
                        yield path.relative_to(folder).as_posix(), path

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The response to a GET.

        Raises:
            HTTPException: 404 or 405.
        """
        digest, _, name = path.partition("/")
        has_digest = bool(name and _DIGEST.fullmatch(digest))
        if has_digest:
            path = name
        if Path(path).suffix not in _SERVED:
            raise HTTPException(404)
        request = Headers(scope=scope)
        is_text = Path(path).suffix in _MEDIA_TYPES
        if is_text and "range" not in request and accepts_gzip(request) and scope["method"] == "GET":
            response = (await self._compress(path)).response(request, cache="")
        else:
            response = await super().get_response(path, scope)
            if is_text:
                response.headers["Vary"] = "Accept-Encoding"
        if has_digest:
            response.headers["Cache-Control"] = IMMUTABLE if digest == self.digest else "no-cache"
        return response

    async def _compress(self, name: str) -> Compressed:
        """A file in compressed form, made once, in a thread: the largest one takes 0.1 s."""
        if name not in self._compressed:
            self._compressed[name] = await asyncio.to_thread(self._read, name)
        return self._compressed[name]

    def _read(self, name: str) -> Compressed:
        found, status = self.lookup_path(name)
        path = Path(found)
        if status is None or not path.is_file():
            raise HTTPException(404)
        return Compressed(path.read_bytes(), _MEDIA_TYPES[path.suffix])


def accepts_gzip(request: Headers) -> bool:
    """Whether a request accepts gzip."""
    for coding in request.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", weight) is None
    return False


def package_folder(package: str, distribution: str) -> Path:
    """The folder of a package, which is not imported.

    Args:
        package: its name in Python.
        distribution: its name in the lock files.

    Raises:
        MissingPackage: it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(f"{distribution} is not installed; install requirements/serve.txt, which has it")
    return Path(next(iter(spec.submodule_search_locations)))
