"""What several tests of real servers share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def machine_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three versions of a model of three channels.

    The index of neighbours of the first has everything, that of the second no series; the third has none.
    """
    folder = tmp_path_factory.mktemp("sealed")
    command = [sys.executable, "-m", "tests.support.multivariate", str(folder), "series", "labels", "none"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / "machine"
