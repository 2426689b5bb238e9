"""Faults of the machine, for real: a limit on file sizes, and processes that hold locks or are killed."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Have no file of this process grow beyond so many bytes: writing fails as on a disk over its quota.

    Python ignores the signal that comes with it.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs some code, once it has printed its first line; killed at the end."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline()
            yield started
        finally:
            started.kill()


def on_small_disk(folder: Path, script: str, *, kibibytes: int = 1000) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a folder that is a disk of its own, which no other process sees.

    Args:
        folder: is there, and empty; `python` is this one.
        script: what to run.
        kibibytes: size of the disk.
    """
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f'mount -t tmpfs -o size={kibibytes}k tmpfs "$PWD" && cd "$PWD"'
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed (util-linux)")
    if subprocess.run([*unshare, mount], cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("the kernel lets this user mount no file system of its own (unshare --user --mount)")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*unshare, f"{mount} && {script}"],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def start_job(*options: str) -> subprocess.Popen[str]:
    """Start `python -m training`."""
    command = [sys.executable, "-m", "training", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
