"""`python -m app use` and `check` on folders of versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.cli import main
from app.contract import PIN_FILE, Artifact, pin
from tests.app.cli.test_commands import run
from tests.support.versions import add_version, damage


def test_check_lists_versions_that_are_not_served(artifact: Artifact, tmp_path: Path) -> None:
    """Such as a folder whose name only looks like a number."""
    add_version(tmp_path, 1, artifact)
    shutil.copytree(tmp_path / "1", tmp_path / "002")
    done = run("check", ARTIFACT=str(tmp_path))
    assert done.returncode == 0, done.stderr
    proven, not_served = done.stderr.splitlines()
    assert proven.startswith(f"{tmp_path / '1'}: golden answers reproduced")
    assert not_served.startswith(f"not served: {tmp_path / '002'}: not a version name")


def use(
    version: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str]]:
    """The exit code of the command and its lines on standard error."""
    monkeypatch.setenv("ARTIFACT", str(folder))
    return main(["use", "--", version]), capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("version", ["007", "0", "-1", "٣", "1" * 10, "9" * 5000, "\x1b[31m", ""])
def test_use_takes_a_plain_number(
    artifact: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    """Anything else is an error of one line, and pins nothing."""
    add_version(tmp_path, 1, artifact)
    code, (line,) = use(version, tmp_path, monkeypatch, capsys)
    assert code == 1
    assert "is not a version; use a number from 1 to 999999999 without leading zeros, or latest" in line
    assert line.isprintable()
    assert len(line) < 200
    assert not (tmp_path / PIN_FILE).exists()


@pytest.mark.parametrize("version", ["2", "latest"])
def test_use_refuses_what_servers_would_refuse(
    artifact: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    """A folder with another version in it, and a damaged one; the pin stays as it was."""
    folder = tmp_path / "versions"
    folder.mkdir()
    add_version(folder, 1, artifact)
    pin(folder, 1)
    for number, wrong in ((5, "says version 5"), (2, "model.keras: damaged")):
        made = add_version(tmp_path, number, artifact)
        if number == 2:
            damage(made)
        made.rename(folder / "2")
        code, (line,) = use(version, folder, monkeypatch, capsys)
        assert code == 1
        assert wrong in line
        assert (folder / PIN_FILE).read_text() == "1\n"
        shutil.rmtree(folder / "2")
    assert use("latest", folder, monkeypatch, capsys)[0] == 0
    assert not (folder / PIN_FILE).exists()
