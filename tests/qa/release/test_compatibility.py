"""Two releases that serve each other's artifacts pass, and two of which one does not fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qa.release import checks
from qa.release.compatibility import ARTIFACT, LOCK, python_of
from qa.release.project import CheckFailed, Project
from tests.conftest import ROOT
from tests.qa.release.conftest import commit, replace, write

SMALL = ROOT / "tests" / "app" / "contract" / "schema_3"


@pytest.fixture
def released(project: Project) -> Project:
    """A project with this server and a small artifact, at the commit after its release 1.1.0."""
    shutil.copytree(ROOT / "app", project.root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    number = json.loads((SMALL / "contract.json").read_text(encoding="utf-8"))["version"]
    shutil.copytree(SMALL, project.root / ARTIFACT / str(number))
    commit(project.root, tag="v1.1.0")
    return project


def test_the_same_server_and_artifact_pass(released: Project) -> None:
    """The line names the release, and nothing of its checkout is left."""
    assert checks.artifact(released) == "1.1.0 serves this artifact, and this code serves the one of 1.1.0"
    assert len(released.git("worktree", "list").splitlines()) == 1


def test_a_release_before_that_does_not_read_this_artifact_fails(released: Project) -> None:
    """It reads schemas 1 and 2; this artifact is of schema 3, which was sealed a release too early."""
    schema = "app/contract/schema.py"
    replace(released.root, schema, "ReadSchema = Literal[1, 2, 3]", "ReadSchema = Literal[1, 2]")
    replace(released.root, schema, "SCHEMA_VERSION: Final = 3", "SCHEMA_VERSION: Final = 2")
    commit(released.root, tag="v1.1.1")
    shutil.copytree(ROOT / "app", released.root / "app", dirs_exist_ok=True)
    commit(released.root)
    with pytest.raises(CheckFailed, match=r"^v1\.1\.1 does not serve this artifact: .*\n.*schema_version"):
        checks.artifact(released)


def test_an_artifact_before_that_this_code_does_not_serve_fails(released: Project) -> None:
    """This code's golden answers are compared with those that the release before had."""
    (golden,) = (released.root / ARTIFACT).glob("*/golden.npz")
    whole = golden.read_bytes()
    golden.write_bytes(b"damaged")
    commit(released.root, tag="v1.1.1")
    golden.write_bytes(whole)
    with pytest.raises(
        CheckFailed, match=r"^this code does not serve the artifact of v1\.1\.1: .*\n.*golden\.npz"
    ):
        checks.artifact(released)
    assert len(released.git("worktree", "list").splitlines()) == 1


def test_an_older_release_runs_with_the_packages_that_it_was_made_with(
    released: Project, tmp_path: Path
) -> None:
    """Where its lock file differs, its own `make` sets up its environment."""
    previous = tmp_path / "previous"
    shutil.copytree(released.root, previous)
    write(previous, str(LOCK), "httpx==0.27.0")
    write(previous, "Makefile", ".venv-serve/ready:\n\t@mkdir -p .venv-serve/bin && touch $@\n")
    assert python_of(released, previous) == previous / ".venv-serve" / "bin" / "python"
    assert (previous / ".venv-serve" / "ready").is_file()
