"""One version, in `pyproject.toml`."""

from __future__ import annotations

import tomllib

import pytest

from app.cli import main
from app.version import server_version
from tests.conftest import ROOT


def test_the_version_is_that_of_pyproject(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line prints it; `deploy/image.py` labels the image with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert server_version() == project["version"]
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"timeseries-server {project['version']}\n"
