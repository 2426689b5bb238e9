"""The rows of all files of a job, as the series of one call of the client."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers.content import MAX_BYTES
from app.series.readers.file import shown_path
from app.series.readers.rows import STANDARD_INPUT, RowOptions, Rows, read_rows
from app.series.spec import SeriesSpec


class Place(NamedTuple):
    """Where consecutive series of one file come from.

    Attributes:
        file: as it was given.
        numbers: `int64[n]`, rows in the file, from 1.
        labels: of each, or None.
        positions: `int64[n]`, of each among all rows of the job, bad ones included, from 0.
    """

    file: str
    numbers: NDArray[np.int64]
    labels: tuple[str, ...] | None
    positions: NDArray[np.int64]


class Source:
    """Reads files in order, and knows where the series of each answer come from.

    Iterate over it to send the series; it reads on as they are sent. Bad rows are reported as they are read.

    Args:
        files: to read.
        spec: of the model.
        options: what to read.
        report: called with a line for each bad row.
        skip: positions to leave out, which an earlier run has done.

    Attributes:
        position: after the last row that was read.
        failed_files: files that could not be read to their end.
    """

    def __init__(
        self,
        files: Sequence[Path],
        spec: SeriesSpec,
        options: RowOptions,
        *,
        report: Callable[[str], None],
        skip: int = 0,
    ) -> None:
        self._files, self._spec, self._options = files, spec, options
        self._report, self._skip = report, skip
        self._waiting: deque[Place] = deque()
        self._bad: list[int] = []  # positions, ascending
        self._sizes = [_size(file) for file in files]
        self._begun_bytes = self._begun_rows = 0
        self.position = 0
        self.failed_files = 0

    @property
    def total(self) -> int | None:
        """The number of rows of all files; by their sizes, for files that are still to be read."""
        if not self._begun_bytes or None in self._sizes:
            return None
        return round(self._begun_rows * sum(filter(None, self._sizes)) / self._begun_bytes)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield the usable series, `[n, *SeriesSpec.shape]` at a time.

        Raises:
            UnreadableSeries: the only file cannot be read.
        """
        for file, size in zip(self._files, self._sizes, strict=True):
            is_begun = False
            try:
                content = _standard_input() if file == STANDARD_INPUT else None
                for rows in read_rows(file, self._spec, self._options, content=content):
                    if not is_begun and rows.total is not None:
                        self._begun_bytes += size or 0
                        self._begun_rows += rows.total
                    is_begun = True
                    yield from self._take_in(shown_path(file), rows)
            except UnreadableSeries as error:
                if len(self._files) == 1:
                    raise
                self.failed_files += 1
                self._report(str(error))

    def take(self, count: int) -> list[Place]:
        """Where the next `count` series come from, in order."""
        found: list[Place] = []
        while count:
            file, numbers, labels, positions = self._waiting.popleft()
            if len(numbers) > count:
                rest = None if labels is None else labels[count:]
                self._waiting.appendleft(Place(file, numbers[count:], rest, positions[count:]))
            taken = None if labels is None else labels[:count]
            found.append(Place(file, numbers[:count], taken, positions[:count]))
            count -= len(found[-1].numbers)
        return found

    def bad_between(self, first: int, end: int) -> int:
        """The number of bad rows among these positions."""
        return bisect_left(self._bad, end) - bisect_left(self._bad, first)

    def _take_in(self, file: str, rows: Rows) -> Iterator[NDArray[Any]]:
        bad = np.array([row.number for row in rows.bad], np.int64)
        order = np.sort(np.concatenate([rows.numbers, bad]))
        positions = self.position + np.searchsorted(order, rows.numbers)
        self.position += len(order)
        for row, place in zip(rows.bad, np.searchsorted(order, bad).tolist(), strict=True):
            position = self.position - len(order) + place
            if position >= self._skip:
                self._bad.append(position)
                self._report(f"{file}: row {row.number}: {row.reason}")
        kept = slice(int(np.searchsorted(positions, self._skip)), None)
        if len(rows.numbers[kept]):
            labels = None if rows.labels is None else rows.labels[kept]
            self._waiting.append(Place(file, rows.numbers[kept], labels, positions[kept]))
            yield rows.values[kept]


def _size(file: Path) -> int | None:
    try:
        return None if file == STANDARD_INPUT else file.stat().st_size
    except OSError:
        return None


def _standard_input() -> bytes:
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UnreadableSeries(f"standard input: more than {MAX_BYTES:,} bytes", remedy="save it as a file")
    return content
