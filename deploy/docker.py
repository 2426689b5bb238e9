"""Docker, and podman, which has the same commands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence

from deploy.engine import PORT, Container, call, variables


class DockerLike:
    """Docker, and podman, which has the same commands."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, tag: str, arguments: Sequence[str]) -> None:
        """Build an image; output goes to the terminal."""
        # Podman's own format has no health checks.
        formats = ["--format", "docker"] if self.name == "podman" else []
        call([self.name, "build", *formats, "--tag", tag, *arguments], check=True, show=True)

    def start(self, tag: str, environment: Mapping[str, str]) -> Container:
        """Run an image with a read-only root and no privileges."""
        hardened = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        published = ["--publish", f"127.0.0.1::{PORT}"]
        options = [*hardened, *published, "--tmpfs", "/tmp", *variables(environment)]  # noqa: S108
        answer = call([self.name, "run", "--detach", *options, tag], check=True)
        return _DockerContainer(self.name, answer.stdout.strip())


class _DockerContainer:
    def __init__(self, engine: str, identity: str) -> None:
        self._engine = engine
        self._identity = identity
        published = self._do("port", identity, f"{PORT}/tcp", check=True).stdout.split()[0]
        self.url = f"http://{published}"

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return self._do("exec", self._identity, *command)

    def logs(self) -> str:
        answer = self._do("logs", self._identity)
        return answer.stdout + answer.stderr

    def running(self) -> bool:
        return self._state()["Running"] is True

    def stop(self, *, timeout: int) -> int:
        self._do("stop", "-t", str(timeout), self._identity, check=True)
        return int(self._state()["ExitCode"])

    def remove(self) -> None:
        self._do("rm", "--force", self._identity)

    def _state(self) -> dict[str, int | bool]:
        answer = self._do("inspect", "--format", "{{json .State}}", self._identity, check=True)
        state: dict[str, int | bool] = json.loads(answer.stdout)
        return state

    def _do(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        return call([self._engine, *arguments], check=check)
