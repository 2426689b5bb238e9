"""Scores the rows of files: reads, asks the server, writes and counts."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.cli import exit_codes
from app.cli.predicting.agreement import agreeing, agreement_text, unknown_labels_text
from app.cli.predicting.formats import Batch, columns_of, create_format, format_name
from app.cli.predicting.output import FileOutput, Output, StreamOutput, opened, shards_of
from app.cli.predicting.source import Place, Source
from app.cli.terminal import Progress, is_terminal, progress
from app.client import Client, InvalidOptions, Predictions
from app.client.schemas import ModelDescription
from app.series.readers import canonical_label
from app.series.readers.rows import STANDARD_INPUT, RowOptions
from app.series.spec import SeriesSpec

SHARD_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class PredictJobOptions:
    """What to score, and where the predictions go.

    Attributes:
        files: to read.
        rows: what to read of them.
        abstain: no label if the label set does not hold exactly one.
        format: of the output; None for what fits.
        output: a file; None for standard output.
        resume: go on where an earlier run was stopped.
        shard_rows: rows after which progress is stored.
    """

    files: list[Path]
    rows: RowOptions
    abstain: bool = False
    format: str | None = None
    output: Path | None = None
    resume: bool = False
    shard_rows: int = SHARD_ROWS


class PredictJob:
    """Scores the rows of files.

    Args:
        client: of the server.
        options: what to do.
        report: takes lines for people: bad rows, and the counts at the end.
    """

    def __init__(self, client: Client, options: PredictJobOptions, report: Any) -> None:
        self._client, self._options, self._report = client, options, report
        self._labels_seen = False
        self._known_label = False
        self._first_label = ""

    def run(self) -> int:
        """Score, and return the exit code.

        Raises:
            AppError: the server cannot be reached, the only file cannot be read, or the output not written.
            BrokenPipeError: the reader of the output has ended.
        """
        options = self._options
        name = format_name(options.format, options.output, is_terminal=is_terminal())
        self._check_resume()
        if self._is_complete():
            self._report(f"{options.output}: complete; there is nothing to resume")
            return exit_codes.OK
        model = self._client.model()
        has_trust = any(field.name == "label_set" for field in model.npy_fields.fields)
        columns = columns_of(("file", "row"), model.npy_fields.classes, has_trust=has_trust)
        form = create_format(name, columns)
        with ExitStack() as stack:
            output: Output
            if options.output is None:
                output = StreamOutput(form)
            else:
                job = self._job(name, columns)
                manifest = stack.enter_context(opened(options.output, job, resume=options.resume))
                output = FileOutput(options.output, form, manifest, shard_rows=options.shard_rows)
                if manifest.shards:
                    self._report(f"going on after {output.position:,} rows")
            taken = model.contract.input
            spec = SeriesSpec(taken.length, taken.channels)
            source = Source(options.files, spec, options.rows, report=self._report, skip=output.position)
            shown = options.output is not None or not is_terminal()
            with progress("series", is_shown=shown) as bar:
                self._score(source, output, bar)
            return self._summary(source, output, model)

    def _score(self, source: Source, output: Output, bar: Progress) -> None:
        end = output.position
        for predictions in self._client.predict_batches(source, abstain=self._options.abstain):
            places = source.take(len(predictions))
            first, end = end, int(places[-1].positions[-1]) + 1
            counts = self._counts(predictions, places)
            counts["bad"] = source.bad_between(first, end)
            output.add(Batch(predictions, columns_before(places)), end=end, counts=counts)
            bar.update(end, source.total)
        bad = source.bad_between(end, source.position)
        output.finish(end=source.position, counts={"bad": bad})

    def _counts(self, predictions: Predictions, places: list[Place]) -> dict[str, int]:
        counts = {"scored": len(predictions)}
        labels = [label for place in places for label in place.labels or ()]
        if labels and len(labels) == len(predictions):
            self._first_label = self._first_label or labels[0]
            known = {canonical_label(name) for name in predictions.classes}
            counts["known"] = sum(label in known for label in labels)
            counts["labelled"] = len(labels)
            counts["agreed"] = agreeing(predictions.labels.tolist(), labels)
        return counts

    def _summary(self, source: Source, output: Output, model: ModelDescription) -> int:
        labelled, scored, bad = output.total("labelled"), output.total("scored"), output.total("bad")
        if labelled and not output.total("known"):
            self._report(unknown_labels_text(self._first_label, model.npy_fields.classes))
        elif labelled:
            self._report(agreement_text(output.total("agreed"), labelled))
        if bad or source.failed_files or self._options.output is not None or len(self._options.files) > 1:
            files = f"; {source.failed_files:,} files could not be read" if source.failed_files else ""
            self._report(f"{scored:,} series scored, {bad:,} rows could not be scored{files}")
        if bad and not scored and self._options.rows.labelled:
            self._report("if the first value of each row of text was read as its label, pass --no-labels")
        if not bad and not source.failed_files:
            return exit_codes.OK
        return exit_codes.INCOMPLETE if scored else exit_codes.FAILED

    def _check_resume(self) -> None:
        options = self._options
        if not options.resume:
            return
        if options.output is None:
            raise InvalidOptions("--resume needs --output FILE")
        if STANDARD_INPUT in options.files:
            raise InvalidOptions("--resume cannot read standard input again; give files")

    def _is_complete(self) -> bool:
        """Whether an earlier run has ended: its shards are gone."""
        path = self._options.output
        if path is None or not self._options.resume or not path.exists():
            return False
        return not (shards_of(path) / "manifest.json").exists()

    def _job(self, name: str, columns: list[str]) -> dict[str, Any]:
        """What two runs must have in common."""
        options = self._options
        return {
            "files": [_fingerprint(path) for path in options.files],
            "options": {"abstain": options.abstain, **asdict(options.rows)},
            "format": name,
            "classes": columns,
        }


def columns_before(places: list[Place]) -> dict[str, list[Any]]:
    """The columns `file` and `row` of consecutive series."""
    return {
        "file": [place.file for place in places for _ in range(len(place.numbers))],
        "row": [number for place in places for number in place.numbers.tolist()],
    }


def _fingerprint(path: Path) -> list[Any]:
    """A file's name, size and time of change; of one that does not exist, the name."""
    try:
        found = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), found.st_size, found.st_mtime_ns]
