"""Explains the rows of files: reads, asks the server, writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.cli import exit_codes
from app.cli.explaining.formats import Explained, Format, format_of
from app.cli.explaining.plot import Drawing, plot_explanation
from app.cli.explaining.rows import RowRanges
from app.cli.predicting.source import Source
from app.cli.terminal import OutputError, Progress, is_terminal, progress, write, write_bytes
from app.client import Client, InvalidSeries
from app.client.explanations.options import ExplainOptions
from app.series.manifest import replacing
from app.series.readers.rows import RowOptions
from app.series.spec import SeriesSpec

# Series whose explanations are held in memory at a time.
_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class ExplainJobOptions:
    """What to explain, and where it goes; as the options of the command.

    Attributes:
        files: to read.
        rows: what to read of them.
        chosen: which rows to explain.
        explain: options of the client.
        format: of the output; None for what fits.
        output: a file; None for standard output.
        plot: PNG file for the first series; None for none.
        rate: time steps in a second; None if it does not matter.
    """

    files: list[Path]
    rows: RowOptions
    chosen: RowRanges = field(default_factory=RowRanges)
    explain: ExplainOptions = field(default_factory=ExplainOptions)
    format: str | None = None
    output: Path | None = None
    plot: Path | None = None
    rate: float | None = None


class ExplainJob:
    """Explains rows of files.

    Args:
        client: of the server.
        options: what to do.
        report: takes lines for people.
    """

    def __init__(self, client: Client, options: ExplainJobOptions, report: Callable[[str], None]) -> None:
        self._client, self._options, self._report = client, options, report
        self._count = 0

    def run(self) -> int:
        """Explain, and return the exit code.

        Raises:
            AppError: the server cannot be reached, a file cannot be read, or the output not be written.
            BrokenPipeError: the reader of the output has ended.
        """
        options = self._options
        form = format_of(options.format, options.output, is_terminal=is_terminal(), rate=options.rate)
        taken = self._client.model().contract.input
        source = Source(
            options.files, SeriesSpec(taken.length, taken.channels), options.rows, report=self._report
        )
        shown = options.output is not None or not is_terminal()
        with progress("series", is_shown=shown) as bar:
            self._write(form, self._explained(source, bar))
        bad = source.bad_between(0, source.position)
        return exit_codes.INCOMPLETE if bad or source.failed_files else exit_codes.OK

    def _explained(self, source: Source, bar: Progress) -> Iterator[Explained]:
        """Explanations of consecutive series; the first one is drawn."""
        for series in source:
            (place,) = source.take(len(series))
            chosen = np.flatnonzero(self._options.chosen.chosen(place.numbers))
            for first in range(0, len(chosen), _BATCH_ROWS):
                places = chosen[first : first + _BATCH_ROWS]
                rows = place.numbers[places].tolist()
                found = self._client.explain(series[places], **self._options.explain)
                if not self._count and self._options.plot is not None:
                    title = f"{place.file}, row {rows[0]}"
                    drawing = Drawing(series[places[0]], found[:1], title, self._options.rate)
                    self._plot(drawing, self._options.plot)
                self._count += len(rows)
                bar.update(self._count, None)
                yield Explained(found, [place.file] * len(rows), rows)
        if not self._count:
            raise InvalidSeries("there is no row to explain: check the files and --rows")

    def _plot(self, drawing: Drawing, path: Path) -> None:
        try:
            plot_explanation(drawing, path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error

    def _write(self, form: Format, explained: Iterator[Explained]) -> None:
        """Write as they come; a file is complete, or not there."""
        path = self._options.output
        if path is None:
            write(form.header())
            for each in explained:
                write_bytes(form.encode(each).encode())
            return
        try:
            with replacing(path) as file:
                file.write(form.header().encode())
                for each in explained:
                    file.write(form.encode(each).encode())
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
