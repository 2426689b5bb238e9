"""A checkout of the project: its version, its tags and the commands that are run in it."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

NUMBER = r"(?:0|[1-9]\d*)"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}")
TAIL_LINES = 15


class CheckFailed(Exception):
    """A check failed; the message names the fault and the remedy."""


@dataclass(frozen=True)
class Project:
    """A folder with `pyproject.toml`, in a git repository."""

    root: Path

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The table `project` of `pyproject.toml`."""
        document = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        return dict(document["project"])

    @property
    def version(self) -> str:
        """The version that is to be released.

        Raises:
            CheckFailed: it is not MAJOR.MINOR.PATCH.
        """
        version = str(self.metadata["version"])
        if not VERSION.fullmatch(version):
            raise CheckFailed(f"pyproject.toml: version {version} is not MAJOR.MINOR.PATCH")
        return version

    def releases(self) -> list[str]:
        """The versions that are tagged on the way to HEAD, lowest first."""
        tags = self.git("tag", "--list", "v*", "--merged", "HEAD").split()
        return sorted((tag[1:] for tag in tags if VERSION.fullmatch(tag[1:])), key=order)

    def git(self, *arguments: str) -> str:
        """The output of a git command."""
        return self.run(["git", *arguments]).stdout

    def run(
        self, command: Sequence[str | Path], *, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, in the project's folder unless another is given.

        Raises:
            CheckFailed: it failed; with the last lines that it printed.
        """
        # An inherited import path would import this checkout's code instead of the other's.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(  # noqa: S603 - commands of this package
            command,
            cwd=cwd or self.root,
            env=inherited | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-TAIL_LINES:]
            shown = " ".join(map(str, command))
            raise CheckFailed("\n".join([f"exit code {done.returncode} of {shown}", *lines]))
        return done


def order(version: str) -> tuple[int, ...]:
    """The sort key of a version."""
    return tuple(map(int, version.split(".")))
