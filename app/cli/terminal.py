"""Output: standard output and its errors, tables, progress; with Rich on a terminal if it is installed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from app.cli.errors import discard_output
from app.errors import AppError

# Seconds between two updates of a plain progress line, and between two lines of a log.
_UPDATE_SECONDS = 0.5
_LINE_SECONDS = 30.0


class OutputError(AppError):
    """Results cannot be written."""


def write(text: str) -> None:
    """Write to standard output and flush it, so that an error is raised here and not at exit.

    Raises:
        BrokenPipeError: the reader, such as `head`, has ended.
        OutputError: it cannot be written to: the disk is full, say.
    """
    write_bytes(text.encode())


def write_bytes(content: bytes) -> None:
    """As `write`, for bytes."""
    try:
        if hasattr(sys.stdout, "buffer"):
            sys.stdout.buffer.write(content)
        else:  # replaced by a program that has no bytes
            sys.stdout.write(content.decode())
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(f"standard output: cannot be written ({error.strerror})") from error


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text in columns, aligned with blanks; numbers to the right."""
    cells = [headers, *rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(headers))]
    right = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(headers))]
    lines = [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines) + "\n"


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with lines by Rich on a terminal, or else as text; raises as `write`."""
    rich = _import_rich("rich.table") if is_terminal() and "NO_COLOR" not in os.environ else None
    if rich is None:
        write(table(headers, rows))
        return
    found = rich.Table()
    for place, header in enumerate(headers):
        numbers = bool(rows) and all(_is_number(row[place]) for row in rows)
        found.add_column(header, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        found.add_row(*row)
    console = _import_rich("rich.console")
    console.Console(markup=False, highlight=False).print(found)


class Progress(Protocol):
    """Shows how far a job is."""

    def update(self, done: int, total: int | None) -> None:
        """Show that so many series of all are done; None if it is unknown how many there are."""


@contextmanager
def progress(unit: str, *, is_shown: bool, lines: bool = False) -> Iterator[Progress]:
    """Progress with rate and time left, on standard error if that is a terminal.

    Args:
        unit: what is counted.
        is_shown: False for none.
        lines: where it is no terminal, such as the log of a container: a line at times.
    """
    if not is_shown or not sys.stderr.isatty():
        yield _ProgressLines(unit, _LINE_SECONDS) if is_shown and lines else _NoProgress()
        return
    rich = _import_rich("rich.progress")
    if rich is None:
        plain = _PlainProgress(unit, _UPDATE_SECONDS)
        try:
            yield plain
        finally:
            plain.clear()
        return
    columns = (
        rich.BarColumn(),
        rich.TextColumn("{task.completed:,} " + unit),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(elapsed_when_finished=True),
    )
    console = _import_rich("rich.console").Console(stderr=True)
    with rich.Progress(*columns, console=console, transient=True) as bar:
        yield _RichProgress(bar)


class _NoProgress:
    def update(self, done: int, total: int | None) -> None:
        pass


class _PlainProgress:
    """A line that is written again and again.

    Args:
        unit: what is counted.
        seconds: between two updates.
    """

    def __init__(self, unit: str, seconds: float) -> None:
        self._unit, self._seconds = unit, seconds
        self._started = self._shown = time.monotonic()
        self._first: int | None = None

    def update(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first, self._started = done, now
        if now - self._shown < self._seconds:
            return
        self._shown = now
        rate = (done - self._first) / (now - self._started or 1)
        text = f"{done:,} {self._unit}, {rate:,.0f}/s"
        if total is not None and rate:
            text = f"{done:,} of {total:,} {self._unit}, {rate:,.0f}/s, {(total - done) / rate:,.0f} s left"
        self._show(text)

    def _show(self, text: str) -> None:
        sys.stderr.write(f"\r{text:<70}")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write(f"\r{'':70}\r")
        sys.stderr.flush()


class _ProgressLines(_PlainProgress):
    """A new line each time."""

    def _show(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class _RichProgress:
    """Rich's progress bar."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, rate="")

    def update(self, done: int, total: int | None) -> None:
        speed = self._bar.tasks[0].speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, completed=done, total=total, rate=rate)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").replace("-", "").replace("%", "").strip().isdigit()


def _import_rich(name: str) -> Any:
    """A module of Rich, or None: it comes with the extra `terminal`."""
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("rich"):
            raise
        return None
