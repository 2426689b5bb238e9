"""Buildah, if no other engine is installed: made to build images, but it can run a command in one.

The command has the machine's network and a writable root file system; the probe checks afterwards that it
wrote nothing.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from deploy.engine import Container, call, variables


class Buildah:
    """Buildah, isolated by chroot, which works in containers too, unless BUILDAH_ISOLATION is set."""

    name = "buildah"

    def __init__(self) -> None:
        os.environ.setdefault("BUILDAH_ISOLATION", "chroot")

    def build(self, tag: str, arguments: Sequence[str]) -> None:
        """Build an image; output goes to the terminal."""
        command = ["buildah", "build", "--layers", "--format", "docker", "--pull=false", "--tag", tag]
        call([*command, *arguments], check=True, show=True)

    def start(self, tag: str, environment: Mapping[str, str]) -> Container:
        """Run an image's command as its user."""
        return _BuildahContainer(tag, environment)


class _BuildahContainer:
    def __init__(self, tag: str, environment: Mapping[str, str]) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._options = variables({**environment, "PORT": str(port)})
        self._name = call(["buildah", "from", "--pull=false", tag], check=True).stdout.strip()
        inspected = json.loads(call(["buildah", "inspect", self._name], check=True).stdout)
        config = inspected["Docker"]["config"]
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by remove()
        command = [*config["Entrypoint"], *config["Cmd"]]
        self._process = subprocess.Popen(  # noqa: S603 - the image's own command, in the image
            self._command(command), stdout=self._output, stderr=subprocess.STDOUT
        )

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return call(self._command(command))

    def logs(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, *, timeout: int) -> int:
        os.kill(self._command_process(), signal.SIGTERM)
        return self._process.wait(timeout=timeout)

    def remove(self) -> None:
        if self.running():
            os.kill(self._command_process(), signal.SIGKILL)
            self._process.wait()
        self._output.close()
        call(["buildah", "rm", self._name])

    def _command(self, command: Sequence[str]) -> list[str]:
        return ["buildah", "run", "--network", "host", *self._options, self._name, "--", *command]

    def _command_process(self) -> int:
        """The image's command: the first process below buildah that is not buildah itself.

        Buildah does not pass signals on.
        """
        process = self._process.pid
        while b"buildah" in Path(f"/proc/{process}/cmdline").read_bytes():
            # Any thread of it may be the parent.
            threads = Path(f"/proc/{process}/task").glob("*/children")
            children = [child for thread in threads for child in thread.read_text().split()]
            if not children:
                break
            process = int(children[0])
        return process
