"""`app.telemetry.multiprocess_dir`: what killed servers leave is deleted, nothing else; real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT

SUPERVISOR = """
from app.telemetry.multiprocess_dir import metrics_folder
with metrics_folder() as folder:
    print(folder, flush=True)
    input()
"""
WORKER = """
import pathlib, sys
from app.telemetry.multiprocess_dir import hold_lock
hold_lock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
input()
"""


@contextmanager
def running(code: str, *arguments: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has its folder or holds it, and the line that it said; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_a_folder_is_deleted_when_no_process_uses_it(tmp_path: Path) -> None:
    """Not while its server lives, nor a worker of a killed one that still answers what it took."""
    with running(SUPERVISOR, folder=tmp_path) as (supervisor, mine):
        with running(WORKER, str(mine), folder=tmp_path):
            with running(SUPERVISOR, folder=tmp_path):
                assert mine.exists()
            supervisor.kill()
            supervisor.wait()
            with running(SUPERVISOR, folder=tmp_path) as (_, other):
                assert mine.exists()
                assert other != mine
        with running(SUPERVISOR, folder=tmp_path) as (_, last):
            assert set(tmp_path.iterdir()) == {last}


def test_a_server_that_ends_takes_its_folder_along(tmp_path: Path) -> None:
    """Only one that is killed leaves it."""
    with running(SUPERVISOR, folder=tmp_path) as (supervisor, mine):
        assert mine.exists()
        supervisor.communicate("\n")
        assert not mine.exists()


@pytest.mark.parametrize("what", ["without a lock", "a pipe for a lock", "a link", "a file"])
def test_a_folder_of_an_unknown_owner_stays(tmp_path: Path, what: str) -> None:
    """Others may name their folders so, and a lock behind a link is not of that folder."""
    elsewhere, found = tmp_path / "elsewhere", tmp_path / "metrics-x"
    elsewhere.mkdir()
    (elsewhere / "in-use").touch()
    if what == "without a lock":
        found.mkdir()
    elif what == "a pipe for a lock":
        found.mkdir()
        os.mkfifo(found / "in-use")
    elif what == "a link":
        found.symlink_to(elsewhere)
    else:
        found.touch()
    with running(SUPERVISOR, folder=tmp_path):
        assert found.exists()
        assert (elsewhere / "in-use").exists()
