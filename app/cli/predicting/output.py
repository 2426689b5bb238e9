"""Where predictions go: standard output as they come, or a file that appears when it is complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from app.cli.predicting.formats import Batch, Format
from app.cli.terminal import OutputError, write_bytes
from app.series.manifest import Manifest, ManifestError, check_replaceable, link_target, replacing


class Output(ABC):
    """Takes batches in order.

    Attributes:
        position: of the first row that is still to be scored.
    """

    position = 0

    @abstractmethod
    def add(self, batch: Batch, *, end: int, counts: Mapping[str, int]) -> None:
        """Take a batch.

        Args:
            batch: with at least one series.
            end: position after its last row.
            counts: to add up, over the rows since the batch before.

        Raises:
            OutputError: it cannot be written.
            BrokenPipeError: the reader has ended.
        """

    @abstractmethod
    def finish(self, *, end: int, counts: Mapping[str, int]) -> None:
        """Write what is left; `end` and `counts` are of the rows after the last batch. Raises as `add`."""

    @abstractmethod
    def total(self, name: str) -> int:
        """The sum of a count."""


class StreamOutput(Output):
    """Standard output.

    Args:
        form: of the predictions.
    """

    def __init__(self, form: Format) -> None:
        self._format = form
        self._counts: dict[str, int] = {}
        self._has_begun = False

    def add(self, batch: Batch, *, end: int, counts: Mapping[str, int]) -> None:  # noqa: ARG002
        """Write a batch."""
        self._begin()
        _add(self._counts, counts)
        write_bytes(self._format.encode([batch]))

    def finish(self, *, end: int, counts: Mapping[str, int]) -> None:  # noqa: ARG002
        """Write the names of the columns, if there was no batch."""
        self._begin()
        _add(self._counts, counts)

    def total(self, name: str) -> int:
        """The sum of a count."""
        return self._counts.get(name, 0)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            if header := self._format.header():
                write_bytes(header)


class FileOutput(Output):
    """A file, whose shards are kept beside it until it is complete.

    Args:
        path: of the file.
        form: of the predictions.
        manifest: of the shards.
        shard_rows: rows after which a shard is stored.
    """

    def __init__(self, path: Path, form: Format, manifest: Manifest, *, shard_rows: int) -> None:
        self._path, self._format = path, form
        self._manifest, self._shard_rows = manifest, shard_rows
        self._batches: list[Batch] = []
        self._counts: dict[str, int] = {}
        self._rows = 0
        self.position = manifest.position

    def add(self, batch: Batch, *, end: int, counts: Mapping[str, int]) -> None:
        """Keep a batch, and store a shard if there is enough for one."""
        self._batches.append(batch)
        self._rows += len(batch.predictions)
        _add(self._counts, counts)
        if self._rows >= self._shard_rows:
            self._store(end)

    def finish(self, *, end: int, counts: Mapping[str, int]) -> None:
        """Store the last shard, and write the file from all of them."""
        _add(self._counts, counts)
        if end > self._manifest.position or self._batches:
            self._store(end)
        try:
            with replacing(self._path) as file:
                shards = (content for content in self._manifest.contents() if content)
                self._format.join(shards, file)
            self._manifest.remove()
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error

    def total(self, name: str) -> int:
        """The sum of a count, over all runs."""
        return self._manifest.total(name)

    def _store(self, end: int) -> None:
        content = self._format.encode(self._batches) if self._batches else b""
        try:
            self._manifest.add(content, end=end, rows=self._rows, counts=self._counts)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._batches, self._counts, self._rows = [], {}, 0


def shards_of(path: Path) -> Path:
    """The folder with the shards of a file that is not complete."""
    path = link_target(path)
    return path.with_name(f"{path.name}.parts")


@contextmanager
def opened(path: Path, job: Mapping[str, Any], *, resume: bool) -> Iterator[Manifest]:
    """The manifest of a file that is to be written; other runs are kept out.

    Args:
        path: of the file.
        job: see `Manifest`.
        resume: go on where an earlier run was stopped.

    Raises:
        ManifestError: there is an earlier run and it is not to be resumed, or it was another job.
        OutputError: the folder cannot be made, or `path` is no regular file.
    """
    try:
        check_replaceable(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    folder = shards_of(path)
    manifest = Manifest(folder, job)
    with ExitStack() as stack:
        try:
            stack.enter_context(manifest.locked())
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
        if resume:
            manifest.load()
        elif manifest.exists():
            raise ManifestError(
                f"{path}: an earlier run was stopped; give --resume to go on, or delete {folder}"
            )
        yield manifest


def _add(totals: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        totals[name] = totals.get(name, 0) + count
