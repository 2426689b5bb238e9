"""The project's wheel, and environments that it is installed in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.environments import build_wheel, make_environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the project as it is now."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command; this environment may have none."""
    folder = tmp_path_factory.mktemp("pip") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin" / "pip"


@pytest.fixture(scope="session")
def client_commands(pip: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the base install alone."""
    return make_environment(tmp_path_factory.mktemp("client") / "venv", pip, wheel, "client")


@pytest.fixture(scope="session")
def server_commands(pip: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the extra `serve`."""
    return make_environment(tmp_path_factory.mktemp("serve") / "venv", pip, wheel, "serve")
