"""Tables and progress, with and without Rich; an interrupt."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from app.cli import terminal
from app.contract import Artifact
from qa.harness.server import ServerProcess
from tests.conftest import ROOT


class Terminal(io.StringIO):
    """A text file that says that it is a terminal."""

    def isatty(self) -> bool:
        """It is none."""
        return True


def test_columns_are_aligned() -> None:
    """Numbers to the right, text to the left."""
    assert terminal.table(("n", "name"), [("1", "a"), ("1,000", "bb")]) == (
        "    n  name\n    1  a\n1,000  bb\n"
    )


@pytest.mark.parametrize("has_rich", [True, False])
def test_progress_has_rate_and_time_left(monkeypatch: pytest.MonkeyPatch, has_rich: bool) -> None:
    """On a terminal, also without Rich."""
    if has_rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setattr(terminal, "_import_rich", lambda _: None)
        monkeypatch.setattr(terminal, "_UPDATE_SECONDS", 0.0)
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with terminal.progress("series", is_shown=True) as bar:
        for done in (100, 200, 300):
            bar.update(done, 1000)
            time.sleep(0.01)
    assert "300" in shown.getvalue()
    assert "/s" in shown.getvalue()


def test_there_is_no_progress_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A log would be full of it."""
    with terminal.progress("series", is_shown=True) as bar:
        bar.update(1, 2)
    assert capsys.readouterr().err == ""


def test_a_log_can_have_lines_of_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With rate and time left from the first update on: what an earlier run has done is no rate."""
    monkeypatch.setattr(terminal, "_LINE_SECONDS", 0.0)
    with terminal.progress("series", is_shown=True, lines=True) as bar:
        for done in (900, 950):
            bar.update(done, 1000)
            time.sleep(0.01)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "900 series, 0/s"
    assert second.startswith("950 of 1,000 series, ")
    assert second.endswith(" s left")


def test_an_interrupt_ends_with_a_line(server: ServerProcess, artifact: Artifact, tmp_path: Path) -> None:
    """Ctrl-C leaves no traceback."""
    np.save(tmp_path / "a.npy", np.resize(artifact.golden.series, (200_000, 500)))
    command = [sys.executable, "-m", "app", "predict", str(tmp_path / "a.npy"), "--url", server.url]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "predict: interrupted\n")
