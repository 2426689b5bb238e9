"""Every command: signals, output that cannot be written, and errors."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import ArtifactError
from tests.conftest import ROOT
from tests.training.faults import process
from training.cli.command import run_command
from training.errors import TrainingError
from training.files.write_errors import DEFAULT_REMEDY

# A command that waits, and cleans up when it is stopped.
WAITING = """
import sys
from pathlib import Path
from training.cli.command import print_line, run_command
def job():
    try:
        print_line("started")
        sys.stdin.read()
    finally:
        Path(sys.argv[1]).touch()
sys.exit(run_command(job, stop_message="stopped; run it again"))
"""
PRINTING = """
import sys
from training.cli.command import log_line, print_line, run_command
def job():
    log_line("progress")
    print_line("result")
    print("more", end="")
    return 0
sys.exit(run_command(job))
"""
# A command that prints, and writes to the first file that it opens.
WRITING = """
import os, sys
from pathlib import Path
from training.cli.command import print_line, run_command
def job():
    with Path(sys.argv[1]).open("w") as file:
        print_line("result")
        print("noise", file=sys.stderr)
        os.write(2, b"noise")
        file.write("content")
    return 0
sys.exit(run_command(job))
"""


@pytest.mark.parametrize(
    ("number", "code", "expected"),
    [
        (signal.SIGTERM, 143, "stopped; run it again\n"),
        (signal.SIGHUP, 129, "stopped; run it again\n"),
        (signal.SIGINT, 130, "\nstopped; run it again\n"),
    ],
)
def test_a_signal_ends_it_after_cleaning_up(tmp_path: Path, number: int, code: int, expected: str) -> None:
    """The job cleans up, logs one line, and ends with the shell's exit code for the signal."""
    with process(WAITING, tmp_path / "cleaned") as started:
        started.send_signal(number)
        assert started.communicate()[1] == expected
    assert started.returncode == code
    assert (tmp_path / "cleaned").exists()


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """SIGHUP is ignored under `nohup`."""
    ignoring = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{WAITING}"
    with process(ignoring, tmp_path / "cleaned") as started:
        started.send_signal(signal.SIGHUP)
        started.send_signal(signal.SIGTERM)
        started.communicate()
    assert started.returncode == 143


def _shell(script: str, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    words = ["sh", "-c", script, sys.executable, code, *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


AGAIN = "then run the same command again"
BROKEN = (
    "progress\nerror: standard output: cannot write the line 'result' ({}); keep its reader open or "
    "free disk space, then run the same command again\n"
)


def test_a_full_output_is_one_line() -> None:
    """If the disk of standard output is full, there is one line and no traceback."""
    done = _shell('"$0" -c "$1" >/dev/full', PRINTING)
    assert (done.returncode, done.stderr) == (1, BROKEN.format("No space left on device"))


def test_a_closed_pipe_is_one_line() -> None:
    """If the reader of standard output has ended, as with `| head`, there is one line and no traceback."""
    with process(f"print('there', flush=True); input()\n{PRINTING}") as started:
        assert started.stdout is not None
        assert started.stdin is not None
        assert started.stderr is not None
        started.stdout.close()
        started.stdin.write("\n")
        started.stdin.flush()
        assert started.stderr.read() == BROKEN.format("Broken pipe")
        assert started.wait() == 1


@pytest.mark.parametrize("error", ["2>/dev/full", "2>&-"])
def test_unwritable_standard_error_is_ignored(error: str) -> None:
    """A full or closed standard error changes neither the result nor the exit code."""
    done = _shell(f'"$0" -c "$1" {error}', PRINTING)
    assert (done.returncode, done.stdout) == (0, "result\nmore")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_output_never_gets_into_another_file(tmp_path: Path, closed: str) -> None:
    """A closed stream is opened first: else the next file would get its descriptor and its output."""
    done = _shell(f'"$0" -c "$1" "$2" {closed}', WRITING, tmp_path / "file")
    assert done.returncode == 0
    assert (tmp_path / "file").read_text(encoding="utf-8") == "content"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TrainingError("a mistake"), "a mistake"),
        (ArtifactError("a broken file"), "a broken file"),
        (OSError(5, "Input/output error", "a/b"), f"a/b: Input/output error; {DEFAULT_REMEDY}, {AGAIN}"),
    ],
)
def test_an_error_is_one_line(error: Exception, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Deliberate errors and unexpected system errors end with one line and exit code 1."""

    def job() -> int:
        raise error

    assert run_command(job) == 1
    assert capsys.readouterr() == ("", f"error: {expected}\n")
