"""A virtual environment with pinned packages for each server, made once; with uv if it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions, version
from pathlib import Path

from benchmarks.peers.errors import PeerError

# The engine's version is the installed one of this project.
OPENVINO = f"openvino=={version('openvino')}"
ENGINE = (f"numpy=={version('numpy')}", OPENVINO)
TIMEOUT = 3600


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment.

    Attributes:
        folder: where it is, absolute.
        requirements: exact versions.
        alone: install the requirements without their dependencies, most of which are not used.
    """

    folder: Path
    requirements: tuple[str, ...]
    alone: bool = False

    @property
    def python(self) -> Path:
        """Path of its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Folder of its packages."""
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / name / "site-packages"

    def install(self) -> None:
        """Make it, unless it exists with the same requirements.

        Raises:
            PeerError: a package cannot be installed.
        """
        wanted = "\n".join((sys.version, *self.requirements))
        note = self.folder / "requirements"
        if note.is_file() and note.read_text() == wanted:
            return
        print(f"Installing {', '.join(self.requirements)} into {self.folder.name} (once)", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        flags = ["--no-deps"] if self.alone else []
        if uv := shutil.which("uv"):
            _run([uv, "venv", "--quiet", "--python", sys.executable, str(self.folder)])
            install = [uv, "pip", "install", "--quiet", "--python", str(self.python)]
        else:
            _run([sys.executable, "-m", "venv", str(self.folder)])
            install = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*install, *flags, *self.requirements])
        note.write_text(wanted)

    def versions(self) -> dict[str, str]:
        """Every package in it and its version."""
        found = distributions(path=[str(self.packages)])
        return dict(sorted((found.name, found.version) for found in found))


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        reason = next(
            (line for line in reversed(lines) if "error" in line.lower()), (lines or ["no reason"])[-1]
        )
        raise PeerError(f"cannot be installed (is there a network?): {reason.strip()[:200]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"cannot be installed: {error}") from error
