"""Results in shards with a manifest, so that a killed job goes on where it was: every row exactly once.

A job writes its results into a folder. Each shard is written aside, synced to the disk and renamed, and then
the manifest, `manifest.json`, in the same way. So the manifest names only shards that are whole, whenever the
process ends. A shard covers a range of positions, rows in the order in which the job reads them; the next run
starts at `Manifest.position`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from app.errors import AppError

FORMAT = 1
MANIFEST = "manifest.json"
_LOCK = "lock"


class ManifestError(AppError):
    """A folder of shards belongs to another job, is in use, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Results of consecutive rows.

    Attributes:
        name: of its file.
        first: position of its first row among all rows of the job, from 0.
        end: position after its last row.
        rows: results in the file; fewer than positions where rows could not be scored.
        bytes: size of the file.
        sha256: of the file.
        counts: numbers that the job adds up, by name.
    """

    name: str
    first: int
    end: int
    rows: int
    bytes: int
    sha256: str
    counts: dict[str, int] = field(default_factory=dict)


class Manifest:
    """The shards of one job in a folder, which exists while the job is not complete.

    Args:
        folder: of the shards.
        job: what makes results of two runs belong together: inputs, options, columns. JSON values.

    Attributes:
        shards: all that are complete, in order.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any]) -> None:
        self._folder, self._job = folder, dict(job)
        self.shards: list[Shard] = []

    @property
    def position(self) -> int:
        """Where the next shard starts."""
        return self.shards[-1].end if self.shards else 0

    def total(self, name: str) -> int:
        """The sum of a count over all shards."""
        return sum(shard.counts.get(name, 0) for shard in self.shards)

    def exists(self) -> bool:
        """Whether an earlier run has stored a shard."""
        return (self._folder / MANIFEST).exists()

    def load(self) -> None:
        """Take the shards of an earlier run of the same job, if there was one.

        Shards from the first one on whose file is not what the manifest says are made again.

        Raises:
            ManifestError: the folder is of another job, or its manifest is damaged.
        """
        path = self._folder / MANIFEST
        try:
            document = json.loads(path.read_bytes())
            shards = [_shard_of(each) for each in document["shards"]]
            job, version = dict(document["job"]), document["format"]
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{path}: damaged; delete {self._folder} to start again") from error
        if version != FORMAT:
            raise ManifestError(f"{path}: format {version}; delete {self._folder} to start again")
        check_same_job(str(self._folder), job, self._job)
        for shard in shards:
            if shard.first != self.position or not self._is_whole(shard):
                break
            self.shards.append(shard)

    def add(self, content: bytes, *, end: int, rows: int, counts: Mapping[str, int]) -> None:
        """Store the next shard.

        Args:
            content: of its file.
            end: position after its last row.
            rows: results in it.
            counts: see `Shard`.

        Raises:
            OSError: it cannot be written.
        """
        name = f"{len(self.shards):06}"
        digest = hashlib.sha256(content).hexdigest()
        write_durably(self._folder / name, content)
        self.shards.append(Shard(name, self.position, end, rows, len(content), digest, dict(counts)))
        write_durably(self._folder / MANIFEST, document_of(self._job, self.shards))

    def contents(self) -> Iterator[bytes]:
        """Yield the content of each shard, in order.

        Raises:
            OSError: one cannot be read.
        """
        for shard in self.shards:
            yield (self._folder / shard.name).read_bytes()

    def remove(self) -> None:
        """Delete the folder, the manifest first: without it, what is left counts as nothing."""
        (self._folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self._folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep other runs out of it; a killed run leaves no lock behind.

        Raises:
            ManifestError: another run has it.
            OSError: it cannot be made.
        """
        self._folder.mkdir(exist_ok=True)
        with (self._folder / _LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ManifestError(f"{self._folder}: another run writes here; wait for its end") from error
            yield

    def _is_whole(self, shard: Shard) -> bool:
        try:
            content = (self._folder / shard.name).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(content).hexdigest() == shard.sha256


def document_of(job: Mapping[str, Any], shards: Sequence[Shard]) -> bytes:
    """The content of a manifest.

    Args:
        job: see `Manifest`.
        shards: in order.
    """
    document = {"format": FORMAT, "job": job, "shards": [asdict(shard) for shard in shards]}
    return json.dumps(document, indent=1).encode()


def check_same_job(place: str, earlier: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    """Check that two runs belong together.

    Args:
        place: folder or URL of the results, for messages.
        earlier: the job of the run that began it.
        job: that of this run.

    Raises:
        ManifestError: they differ; the message says in what.
    """
    changed = sorted(name for name in earlier.keys() | job if earlier.get(name) != job.get(name))
    if changed:
        raise ManifestError(
            f"{place}: an earlier run had other {', '.join(changed)}; repeat its command, or delete the "
            "folder to start again"
        )


def _shard_of(document: dict[str, Any]) -> Shard:
    """Raises TypeError: it is no shard."""
    shard = Shard(**document)
    numbers = [shard.first, shard.end, shard.rows, shard.bytes, *dict(shard.counts).values()]
    if not all(type(number) is int for number in numbers) or not isinstance(shard.name, str):
        raise TypeError("a field of a shard has another type")
    return shard


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole, or not at all; raises OSError."""
    with replacing(path) as file:
        file.write(content)


def check_replaceable(path: Path) -> None:
    """Check that a path is free, or has a regular file; raises OSError."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def link_target(path: Path) -> Path:
    """The path that a symbolic link points to; any other path as given."""
    return path.resolve() if path.is_symlink() else path


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file aside that becomes `path` at the end, synced to the disk; after an error it is gone.

    A symbolic link is followed: the link stays, as `/dev/stdout` must.

    Raises:
        OSError: it cannot be written, or `path` is a device, FIFO or folder, which a rename would remove.
    """
    check_replaceable(path)
    path = link_target(path)
    aside = path.with_name(f".{path.name}.tmp")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself
    finally:
        os.close(folder)
