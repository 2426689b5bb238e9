"""Scores a recording in windows, and shows its timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.cli import exit_codes
from app.cli.predicting.formats import Batch, Format, columns_of, create_format, format_name
from app.cli.terminal import OutputError, Progress, is_terminal, progress, table, write, write_bytes
from app.client import Client
from app.client.windows import WindowBatch, WindowOptions, add, timeline_of
from app.errors import UnreadableSeries
from app.series.manifest import replacing
from app.series.readers.file import shown_path
from app.series.readers.recording import read_recording
from app.series.timeline import Timeline
from app.series.timeline.plot import plot_timeline

# Rows of the table of segments on a terminal.
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class WindowJobOptions:
    """What to score, and where it goes; as the options of the command `predict`."""

    file: Path
    columns: str | None = None
    stride: int | None = None
    rate: float | None = None
    model_rate: float | None = None
    abstain: bool = False
    format: str | None = None
    output: Path | None = None
    plot: Path | None = None


class WindowJob:
    """Scores the windows of one recording.

    Windows go to the output file if there is one, or as lines of JSON or CSV to standard output. On a
    terminal, only the timeline is shown.

    Args:
        client: of the server.
        options: what to do.
    """

    def __init__(self, client: Client, options: WindowJobOptions) -> None:
        self._client, self._options = client, options

    def run(self) -> int:
        """Score, and return the exit code.

        Raises:
            AppError: the server cannot be reached, the file not be read, or the output not be written.
            BrokenPipeError: the reader of the output has ended.
        """
        options = self._options
        if options.plot is not None and not options.plot.absolute().parent.is_dir():
            raise OutputError(f"{options.plot}: cannot be written (its folder does not exist)")
        name = format_name(options.format, options.output, is_terminal=is_terminal())
        recording = read_recording(options.file, columns=options.columns)
        given: WindowOptions = {
            "stride": options.stride,
            "rate": options.rate,
            "model_rate": options.model_rate,
        }
        model = self._client.model()
        has_trust = any(field.name == "label_set" for field in model.npy_fields.fields)
        columns = columns_of(("window", "start"), model.npy_fields.classes, has_trust=has_trust)
        form = create_format(name, columns)
        timeline = timeline_of(model, given)
        batches = self._client.predict_window_batches(recording, abstain=options.abstain, **given)

        def encoded(bar: Progress) -> Iterator[bytes]:
            first = 0
            for batch in batches:
                add(timeline, batch)
                yield form.encode([_batch(batch, first)]) if is_written else b""
                first += len(batch.predictions)
                bar.update(first, None)

        is_written = options.output is not None or name != "table"
        try:
            with progress("windows", is_shown=not (is_terminal() and is_written)) as bar:
                _write(options.output, form, encoded(bar), is_written=is_written)
        except UnreadableSeries as error:
            path = shown_path(options.file)
            if error.problem.startswith(path):
                raise
            raise UnreadableSeries(f"{path}: {error.problem}", remedy=error.remedy) from error
        self._show(
            timeline.finish(), is_text=name == "table" or (options.output is not None and is_terminal())
        )
        return exit_codes.OK

    def _show(self, timeline: Timeline, *, is_text: bool) -> None:
        options = self._options
        if options.plot is not None:
            try:
                plot_timeline(timeline, options.plot, rate=options.model_rate, title=options.file.name)
            except OSError as error:
                raise OutputError(f"{options.plot}: cannot be written ({error.strerror})") from error
        if is_text:
            write(timeline_text(timeline))
        elif options.output is not None or options.format != "csv":
            write(json.dumps({"timeline": json.loads(timeline.to_json())}, ensure_ascii=False) + "\n")


def timeline_text(timeline: Timeline) -> str:
    """Segments, change points and unusual stretches as text."""
    segments = [
        [f"{part.start:,}", f"{part.end:,}", part.label, f"{part.probability:.3f}", f"{part.windows:,}"]
        for part in timeline.segments
    ]
    text = table(("start", "end", "label", "probability", "windows"), segments[:_SHOWN])
    if len(segments) > _SHOWN:
        text += f"… and {len(segments) - _SHOWN:,} more segments; --json has all\n"
    changes = [
        f"{change.before} -> {change.after} at {change.position:,} (95 % interval: {change.low:,} to "
        f"{change.high:,})\n"
        for change in timeline.changes[:_SHOWN]
    ]
    unusual = [
        f"OOD score above 0.99: {part.start:,} to {part.end:,} (up to {part.max_ood_score:.4f})\n"
        for part in timeline.unusual[:_SHOWN]
    ]
    return text + "".join(changes) + "".join(unusual)


def _batch(batch: WindowBatch, first: int) -> Batch:
    numbers = range(first, first + len(batch.predictions))
    return Batch(batch.predictions, {"window": list(numbers), "start": batch.starts.tolist()})


def _write(path: Path | None, form: Format, shards: Iterator[bytes], *, is_written: bool) -> None:
    """Write shards as they come; a file is complete, or not there."""
    if path is None:
        if is_written:
            write_bytes(form.header())
        for shard in shards:
            write_bytes(shard)
        return
    try:
        with replacing(path) as file:
            form.join(shards, file)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
