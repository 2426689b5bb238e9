"""What a container engine is to `deploy/check.py`: it builds an image, and runs one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

PORT = 8000


class Container(Protocol):
    """A running container.

    Attributes:
        url: where its port 8000 answers.
    """

    url: str

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run one more command in it."""
        ...

    def logs(self) -> str:
        """What it has written so far."""
        ...

    def running(self) -> bool:
        """Whether its command still runs."""
        ...

    def stop(self, *, timeout: int) -> int:
        """Send SIGTERM; its exit code."""
        ...

    def remove(self) -> None:
        """Leave nothing behind."""
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
        """Run an image as it wants to be run, and as an orchestrator should: unprivileged, read-only."""
        ...


def variables(environment: Mapping[str, str]) -> list[str]:
    """Options of an engine's command for environment variables."""
    return [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]


def call(
    command: Sequence[str], *, check: bool = False, show: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run an engine's command.

    Raises:
        subprocess.CalledProcessError: it failed, and `check` asks for more.
    """
    return subprocess.run(  # noqa: S603 - an engine's command, given as a list
        command, capture_output=not show, text=True, check=check, stdin=subprocess.DEVNULL
    )
