"""What all commands of this package share: exit codes, errors in one line, signals, and broken outputs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from app.errors import ArtifactError
from training.errors import OutputError, TrainingError
from training.files.write_errors import QUOTED_CHARACTERS, UNKNOWN, short_reason

CONTINUES = "stopped; call it again in the same way to continue"
STDERR = 2
# What a service manager, a scheduler or a closed terminal sends.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the process to end; like `KeyboardInterrupt`, no library takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def command(job: Callable[[], int], *, stopped: str | None = "stopped") -> int:
    """Run a command's job.

    Args:
        job: returns the exit code.
        stopped: what is said when a signal ends it, if anything is.

    Returns:
        The job's exit code; 1 for an error that a person can mend, after one line on standard error; 130 when
        interrupted, 143 when terminated, 129 when the terminal was closed.
    """
    _open_missing_streams()
    try:
        with _stoppable():
            try:
                return job()
            finally:
                _flush()
    except (TrainingError, ArtifactError) as error:
        tell(f"error: {error}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        tell(f"error: {where}{short_reason(error)}; {UNKNOWN}, then call it again in the same way")
    except KeyboardInterrupt:
        return _stopped_by(signal.SIGINT, stopped)
    except Stopped as signalled:
        return _stopped_by(signalled.number, stopped)
    return 1


def say(line: str) -> None:
    """Print a line to standard output.

    Raises:
        OutputError: nobody reads it, or it cannot be written.
    """
    try:
        print(line, flush=True)
    except OSError as error:
        raise _output_error(error, f" the line {line[:QUOTED_CHARACTERS]!r}") from error


def tell(line: str) -> None:
    """Print a line to standard error; where that cannot be written, the exit code has to do."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _stopped_by(number: int, message: str | None) -> int:
    if message:
        # A terminal has shown ^C on this line.
        tell(f"\n{message}" if number == signal.SIGINT else message)
    return 128 + number


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _output_error(error, "") from error


def _output_error(error: OSError, what: str) -> OutputError:
    _discard(sys.stdout)
    return OutputError(
        f"standard output: cannot write{what} ({short_reason(error)}); have it read or stored whole, "
        "then call it again in the same way"
    )


def _discard(stream: TextIO) -> None:
    """Send a broken stream nowhere, so that the interpreter does not fail on it once more at its end."""
    with suppress(OSError):  # a stream that is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _open_missing_streams() -> None:
    """Open what is closed, as by `>&-`: else what is printed goes to the next file, which has its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


@contextmanager
def _stoppable() -> Iterator[None]:
    """Have signals raise `Stopped`, so that what is half done is tidied up; those ignored stay ignored."""

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # what is tidied up is not disturbed again
        raise Stopped(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])
