"""What every command does when it is stopped, when nobody reads it, and when the machine fails it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import ArtifactError
from tests.conftest import ROOT
from tests.training.faults import process
from training.cli.command import command
from training.errors import TrainingError
from training.files.write_errors import UNKNOWN

# A command that waits, and tidies up when it is stopped.
WAITING = """
import sys
from pathlib import Path
from training.cli.command import command, say
def job():
    try:
        say("started")
        sys.stdin.read()
    finally:
        Path(sys.argv[1]).touch()
sys.exit(command(job, stopped="stopped; call it again"))
"""
TALKING = """
import sys
from training.cli.command import command, say, tell
def job():
    tell("progress")
    say("result")
    print("more", end="")
    return 0
sys.exit(command(job))
"""
# What it prints, and what is written to the first file that it opens.
WRITING = """
import os, sys
from pathlib import Path
from training.cli.command import command, say
def job():
    with Path(sys.argv[1]).open("w") as file:
        say("result")
        print("noise", file=sys.stderr)
        os.write(2, b"noise")
        file.write("content")
    return 0
sys.exit(command(job))
"""


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGTERM, 143, "stopped; call it again\n"),
        (signal.SIGHUP, 129, "stopped; call it again\n"),
        (signal.SIGINT, 130, "\nstopped; call it again\n"),
    ],
)
def test_a_signal_ends_it_in_good_order(tmp_path: Path, number: int, code: int, said: str) -> None:
    """What is half done is tidied up, one line says so, and the exit code is the shell's for the signal."""
    # A shell starts what is to run in the background with Ctrl-C ignored, these tests too.
    minding = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        if number == signal.SIGINT
        else ""
    )
    with process(minding + WAITING, tmp_path / "tidied") as started:
        started.send_signal(number)
        assert started.communicate()[1] == said
    assert started.returncode == code
    assert (tmp_path / "tidied").exists()


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """`nohup` has a closed terminal's signal ignored."""
    ignoring = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{WAITING}"
    with process(ignoring, tmp_path / "tidied") as started:
        started.send_signal(signal.SIGHUP)
        started.send_signal(signal.SIGTERM)
        started.communicate()
    assert started.returncode == 143


def _shell(script: str, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    words = ["sh", "-c", script, sys.executable, code, *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


AGAIN = "then call it again in the same way"
BROKEN = (
    "progress\nerror: standard output: cannot write the line 'result' ({}); have it read or stored whole, "
    "then call it again in the same way\n"
)


def test_a_full_output_is_one_line() -> None:
    """Where the disk that standard output is on is full, there is no trace, not even from the interpreter."""
    done = _shell('"$0" -c "$1" >/dev/full', TALKING)
    assert (done.returncode, done.stderr) == (1, BROKEN.format("No space left on device"))


def test_an_output_that_nobody_reads_is_one_line() -> None:
    """As with `| head`, which ends before the job does."""
    with process(f"print('there', flush=True); input()\n{TALKING}") as started:
        assert started.stdout is not None
        assert started.stdin is not None
        assert started.stderr is not None
        started.stdout.close()
        started.stdin.write("\n")
        started.stdin.flush()
        assert started.stderr.read() == BROKEN.format("Broken pipe")
        assert started.wait() == 1


@pytest.mark.parametrize("error", ["2>/dev/full", "2>&-"])
def test_progress_that_nobody_sees_stops_nothing(error: str) -> None:
    """Standard error that is full or closed leaves result and exit code as they are."""
    done = _shell(f'"$0" -c "$1" {error}', TALKING)
    assert (done.returncode, done.stdout) == (0, "result\nmore")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_printed_never_gets_into_a_file(tmp_path: Path, closed: str) -> None:
    """With a stream closed, the next file would have its number, and hold what is printed."""
    done = _shell(f'"$0" -c "$1" "$2" {closed}', WRITING, tmp_path / "file")
    assert done.returncode == 0
    assert (tmp_path / "file").read_text(encoding="utf-8") == "content"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TrainingError("a mistake"), "a mistake"),
        (ArtifactError("a broken file"), "a broken file"),
        (OSError(5, "Input/output error", "a/b"), f"a/b: Input/output error; {UNKNOWN}, {AGAIN}"),
    ],
)
def test_an_error_is_one_line(error: Exception, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those raised on purpose, and what the system says where nobody expected it, end with exit code 1."""

    def job() -> int:
        raise error

    assert command(job) == 1
    assert capsys.readouterr() == ("", f"error: {said}\n")
