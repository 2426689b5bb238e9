"""`qa.side_by_side`: several commands at once, with one exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qa.harness.process import wait_until
from qa.harness.server import PORTS_VARIABLE

RUN = (sys.executable, "-m", "qa.side_by_side")
PYTHON = sys.executable


@pytest.fixture(autouse=True)
def _temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command keeps the folder of a run that failed."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command printed, and its exit code."""
    return subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("codes", "expected"), [((0, 0), 0), ((3, 0), 1), ((0, 3), 1)])
def test_any_failure_is_a_failure(codes: tuple[int, int], expected: int) -> None:
    """Whichever command it is; the last line names it."""
    done = run(*(f"c{number}={PYTHON} -c 'raise SystemExit({code})'" for number, code in enumerate(codes)))
    assert done.returncode == expected
    assert all(f"--- c{number}: exit code {code}" in done.stdout for number, code in enumerate(codes))
    assert ("failed: c" in done.stdout) == bool(expected)


def test_their_lines_do_not_mix() -> None:
    """The output of the second comes in one piece, under its name."""
    count = "import time\nfor i in range(5): print(NAME, i, flush=True); time.sleep(0.05)"
    done = run(*(f'{name}={PYTHON} -c "{count.replace("NAME", repr(name))}"' for name in "ab"))
    after = done.stdout.partition("--- b: exit code 0\n")[2]
    assert after.startswith("b 0\nb 1\nb 2\nb 3\nb 4\n")


def test_each_has_its_own_ports_and_folder() -> None:
    """Test servers of two commands never choose the same port."""
    show = f'{PYTHON} -c \'import os; print(os.environ["{PORTS_VARIABLE}"], os.environ["TMPDIR"])\''
    lines = [line.split() for line in run(f"a={show}", f"b={show}").stdout.splitlines() if "/2 " in line]
    assert [part for part, _ in lines] == ["0/2", "1/2"]
    assert len({folder for _, folder in lines}) == 2


def test_sigterm_ends_all_of_them(tmp_path: Path) -> None:
    """They get SIGINT, as from a terminal, and are waited for."""
    wait = (
        "import pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "try: time.sleep(60)\n"
        "except KeyboardInterrupt: pathlib.Path(sys.argv[1]).unlink()"
    )
    files = [tmp_path / name for name in "ab"]
    with subprocess.Popen([*RUN, *(f'{file.name}={PYTHON} -c "{wait}" {file}' for file in files)]) as process:
        wait_until(lambda: all(file.exists() for file in files))
        time.sleep(0.1)  # until they are in the `try`
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert not any(file.exists() for file in files)
