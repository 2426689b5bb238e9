"""Fresh environments with the packages of lock files and the project's wheel, made without a network."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.packaging.locks import pins

SOURCES = ("app", "training", "tests", "qa", "benchmarks", "deploy", "pyproject.toml", "README.md", "LICENSE")
# A file that is no Python module, as a page or a stylesheet is.
DATA_FILE = "app/api/pages/style.css"


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel as pip does, from a copy of its sources with one data file more."""
    copy = folder / "sources"
    for name in SOURCES:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy / name)
        else:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    (copy / DATA_FILE).parent.mkdir()
    (copy / DATA_FILE).write_text("body {}")
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path, pip: Path, wheel: Path, *locks: str) -> Path:
    """Make an environment that has what some lock files list, and the project from its wheel.

    The packages are links to the files of this environment's own.

    Args:
        folder: where to make it.
        pip: the command.
        wheel: of the project.
        locks: names of lock files below `requirements`, without `.txt`.

    Returns:
        The folder of its commands.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for name, version in {package: pin for lock in locks for package, pin in pins(lock).items()}.items():
        distribution = importlib.metadata.distribution(name)
        assert distribution.version == version, f"{name} is not the version that is locked"
        for file in distribution.files or ():
            target = Path(str(file.locate()))
            if ".." not in file.parts and target.exists():
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                (packages / file).symlink_to(target)
    install = [
        "--python",
        str(folder / "bin" / "python"),
        "install",
        "--no-index",
        "--no-deps",
        "--no-compile",
    ]
    subprocess.run([pip, *install, wheel], check=True, capture_output=True)
    return folder / "bin"
