"""The input files of a job: named, found in folders and by patterns, and opened unchanged."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from app.errors import UnreadableSeries
from app.scoring.errors import ScoringError
from app.series.readers.parts import SeriesSource
from app.store import Store, StoredObject, is_url, open_store, shown_url
from app.system.regular_file import open_regular

_STANDARD_INPUT = "-"
# Of a file in an object store that is read ahead; larger reads are one request each.
_BUFFER_BYTES = 1024 * 1024


class InputFile(NamedTuple):
    """A file to score.

    Attributes:
        name: path or URL.
        size: in bytes.
        state: differs after each change of the file: time of change in nanoseconds, or etag.
    """

    name: str
    size: int
    state: str


def find_inputs(names: Sequence[str]) -> list[InputFile]:
    """The files of a job, in order; one that is named several times is in the list several times.

    Args:
        names: files, folders, patterns and URLs of them. Of a folder, all files below it, but those whose own
            name or folder begins with `.` or `_`.

    Raises:
        UnreadableSeries: one does not exist, or matches nothing.
        StoreError: a store cannot be listed.
    """
    if _STANDARD_INPUT in names:
        raise UnreadableSeries(
            "standard input: cannot be read again after a restart", remedy="save it as a file"
        )
    return [file for name in names for file in (_in_store(name) if is_url(name) else _in_folders(name))]


@contextmanager
def opened(file: InputFile) -> Iterator[SeriesSource]:
    """Open a file that has not changed since it was found.

    Raises:
        ScoringError: it has changed or was deleted.
        StoreError: the store does not answer.
        UnreadableSeries: as the block does, with the URL in the message.
    """
    if is_url(file.name):
        store, path = _store_of(file.name)
        found = store.find(path)
        _check_unchanged(file, None if found is None else InputFile(file.name, found.size, found.etag))
        raw = _ObjectFile(store, path, file.size)
        try:
            yield SeriesSource(Path(path), io.BufferedReader(raw, _BUFFER_BYTES), is_remote=True)
        except UnreadableSeries as error:  # of a URL, a path would keep one slash of two
            raise UnreadableSeries(f"{store.url}/{error.problem}", remedy=error.remedy) from error
        return
    try:
        _check_unchanged(file, _state_of(Path(file.name)))
        content = open_regular(Path(file.name), max_bytes=sys.maxsize)
    except OSError as error:
        raise ScoringError(f"{file.name}: cannot be read ({error.strerror}); start again") from error
    with content:
        yield SeriesSource(Path(file.name), content)


def _check_unchanged(file: InputFile, found: InputFile | None) -> None:
    if found != file:
        how = "was deleted" if found is None else "has changed"
        raise ScoringError(
            f"{shown_url(file.name)}: {how} since the job was planned; restore it, or "
            "score into another output"
        )


def _in_folders(name: str) -> Iterator[InputFile]:
    path = Path(name)
    if path.is_dir():
        found = [
            each for each in sorted(path.rglob("*")) if each.is_file() and _is_data(each.relative_to(path))
        ]
    elif path.exists():
        found = [path]
    else:
        matches = sorted(glob(name, recursive=True))  # noqa: PTH207 - of any folder, as the shell does it
        found = [Path(each) for each in matches if Path(each).is_file()]
    if not found:
        raise _nothing(name, is_folder=path.is_dir())
    for each in found:
        try:
            yield _state_of(each)
        except OSError as error:
            raise UnreadableSeries(
                f"{each}: cannot be read ({error.strerror})", remedy="check the name"
            ) from error


def _state_of(path: Path) -> InputFile:
    status = path.stat()
    return InputFile(str(path), status.st_size, str(status.st_mtime_ns))


def _in_store(url: str) -> Iterator[InputFile]:
    if _has_pattern(url):
        fixed = re.split(r"[*?\[]", url, maxsplit=1)[0].rpartition("/")[0]
        matches = _pattern(url.removeprefix(fixed).lstrip("/")).fullmatch
        found = [each for each in _listed(fixed) if matches(each.path)]
        yield from _named(url, fixed, found, is_folder=False)
        return
    if not url.endswith("/"):
        store, path = _store_of(url)
        if file := store.find(path):
            yield InputFile(url, file.size, file.etag)
            return
        if _is_http(url):
            raise _nothing(shown_url(url), is_folder=False)
    folder = url.rstrip("/")
    found = [each for each in _listed(folder) if _is_data(Path(each.path))]
    yield from _named(url, folder, found, is_folder=url.endswith("/"))


def _listed(folder: str) -> list[StoredObject]:
    return sorted(open_store(folder).list(), key=lambda each: each.path)


def _named(url: str, folder: str, found: Sequence[StoredObject], *, is_folder: bool) -> Iterator[InputFile]:
    if not found:
        raise _nothing(shown_url(url), is_folder=is_folder)
    for each in found:
        yield InputFile(f"{folder}/{each.path}", each.size, each.etag)


def _has_pattern(url: str) -> bool:
    """Whether a URL is a pattern; that of an HTTP server, which cannot list, is not."""
    return not _is_http(url) and has_magic(url)


def _is_http(url: str) -> bool:
    return url.lower().startswith("http")


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of `glob` as a regular expression: `**/` is any folders, `*` and `?` stop at a `/`."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", text)
    meanings = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            meanings.get(part) or (part.replace("[!", "[^", 1) if part.startswith("[") else re.escape(part))
            for part in parts
        )
    )


def _store_of(url: str) -> tuple[Store, str]:
    """The store with the folder of a file, and the file's name in it.

    Raises:
        UnreadableSeries: the URL names no file.
    """
    folder, _, name = url.rpartition("/")
    if not urlsplit(folder).netloc or not name:
        raise UnreadableSeries(f"{shown_url(url)}: names no file", remedy="add a slash for a whole bucket")
    return open_store(folder), name


def _is_data(path: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)


def _nothing(name: str, *, is_folder: bool) -> UnreadableSeries:
    if is_folder:
        return UnreadableSeries(f"{name}: no files in this folder", remedy="check the name")
    if has_magic(name):
        return UnreadableSeries(f"{name}: no file matches", remedy="check the pattern")
    return UnreadableSeries(f"{name}: no such file or folder", remedy="check the name")


class _ObjectFile(io.RawIOBase):
    """An object of a store as a file that can seek; each read is a request."""

    def __init__(self, store: Store, path: str, size: int) -> None:
        self._store, self._path, self._size = store, path, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        content = self._store.read_range(self._path, self._position, wanted)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)
