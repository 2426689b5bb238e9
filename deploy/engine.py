"""The container engine interface of `deploy/check.py`: build an image and run it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

PORT = 8000


class Container(Protocol):
    """A running container.

    Attributes:
        url: address of its port 8000.
    """

    url: str

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run another command in it."""
        ...

    def logs(self) -> str:
        """Its output so far."""
        ...

    def running(self) -> bool:
        """Whether its command still runs."""
        ...

    def stop(self, *, timeout: int) -> int:
        """Send SIGTERM; its exit code."""
        ...

    def remove(self) -> None:
        """Delete the container."""
        ...


class Engine(Protocol):
    """Builds and runs images.

    Attributes:
        name: the engine's command.
    """

    name: str

    def build(self, tag: str, arguments: Sequence[str]) -> None:
        """Build an image; output goes to the terminal."""
        ...

    def start(self, tag: str, environment: Mapping[str, str]) -> Container:
        """Run an image's command, unprivileged and read-only."""
        ...


def variables(environment: Mapping[str, str]) -> list[str]:
    """Command-line options of an engine that set environment variables."""
    return [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]


def call(
    command: Sequence[str], *, check: bool = False, show: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run an engine's command.

    Raises:
        subprocess.CalledProcessError: the command failed and `check` is set.
    """
    return subprocess.run(  # noqa: S603 - an engine's command, given as a list
        command, capture_output=not show, text=True, check=check, stdin=subprocess.DEVNULL
    )
