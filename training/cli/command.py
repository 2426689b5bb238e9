"""Shared by all commands: exit codes, one-line errors, signals, and unwritable output."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from app.errors import ArtifactError
from training.errors import OutputError, TrainingError
from training.files.write_errors import DEFAULT_REMEDY, QUOTED_CHARACTERS, short_reason

RESUME_MESSAGE = "stopped; run the same command again to continue"
STDERR = 2
# Sent by a service manager, a scheduler or a closed terminal.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal ended the job. A `BaseException` like `KeyboardInterrupt`, so that no library catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_command(job: Callable[[], int], *, stop_message: str | None = "stopped") -> int:
    """Run a command's job.

    Args:
        job: returns the exit code.
        stop_message: logged when a signal ends the job; None logs nothing.

    Returns:
        The job's exit code; 1 for an error, after one line on standard error; 130 after SIGINT, 143 after
        SIGTERM, 129 after SIGHUP.
    """
    _open_missing_streams()
    try:
        with _stoppable():
            try:
                return job()
            finally:
                _flush()
    except (TrainingError, ArtifactError) as error:
        log_line(f"error: {error}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        log_line(f"error: {where}{short_reason(error)}; {DEFAULT_REMEDY}, then run the same command again")
    except KeyboardInterrupt:
        return _stopped_by(signal.SIGINT, stop_message)
    except Stopped as signalled:
        return _stopped_by(signalled.number, stop_message)
    return 1


def print_line(line: str) -> None:
    """Print a line to standard output.

    Raises:
        OutputError: the reader has closed it, or it cannot be written.
    """
    try:
        print(line, flush=True)
    except OSError as error:
        raise _output_error(error, f" the line {line[:QUOTED_CHARACTERS]!r}") from error


def log_line(line: str) -> None:
    """Print a line to standard error; do nothing if that cannot be written."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _stopped_by(number: int, message: str | None) -> int:
    if message:
        # A terminal has shown ^C on this line.
        log_line(f"\n{message}" if number == signal.SIGINT else message)
    return 128 + number


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _output_error(error, "") from error


def _output_error(error: OSError, what: str) -> OutputError:
    _discard(sys.stdout)
    return OutputError(
        f"standard output: cannot write{what} ({short_reason(error)}); keep its reader open or free disk "
        "space, then run the same command again"
    )


def _discard(stream: TextIO) -> None:
    """Redirect a broken stream to the null device, so that the interpreter does not fail on it at exit."""
    with suppress(OSError):  # a stream without a file descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _open_missing_streams() -> None:
    """Open closed standard streams (`>&-`): else the next file opened gets their descriptor and output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


@contextmanager
def _stoppable() -> Iterator[None]:
    """Make signals raise `Stopped`, so that the job cleans up; ignored signals stay ignored."""

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # do not interrupt the clean-up
        raise Stopped(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])
