"""Checks that the previous release serves this artifact, and that this code serves the previous one."""

from __future__ import annotations

import filecmp
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from qa.release.project import CheckFailed, Project

ARTIFACT = Path("model_artifacts/forda")
LOCK = Path("requirements/serve.txt")
ENVIRONMENT = Path(".venv-serve")


def check_compatibility(project: Project, before: str) -> None:
    """Let each of two releases verify the other's artifact on its golden answers.

    Args:
        project: what is to be released.
        before: the commit or tag of the release before.

    Raises:
        CheckFailed: one does not serve the other's artifact.
    """
    with checkout(project, before) as previous:
        python = python_of(project, previous)
        serve(project, python, previous, project.root / ARTIFACT, f"{before} does not serve this artifact")
        serve(
            project,
            Path(sys.executable),
            project.root,
            previous / ARTIFACT,
            f"this code does not serve the artifact of {before}",
        )


@contextmanager
def checkout(project: Project, commit: str) -> Iterator[Path]:
    """The files of a commit, in a temporary folder."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary, "checkout")
        project.git("worktree", "add", "--detach", "--quiet", str(folder), commit)
        try:
            yield folder
        finally:
            project.git("worktree", "remove", "--force", str(folder))


def python_of(project: Project, previous: Path) -> Path:
    """A Python with the packages of a release: this one if the lock file is the same."""
    if filecmp.cmp(project.root / LOCK, previous / LOCK, shallow=False):
        return Path(sys.executable)
    project.run(["make", str(ENVIRONMENT / "ready")], cwd=previous)
    return previous / ENVIRONMENT / "bin" / "python"


def serve(project: Project, python: Path, code: Path, artifact: Path, fault: str) -> None:
    """Load an artifact with the server in a folder, which verifies its golden answers."""
    try:
        project.run([python, "-m", "app", "check"], cwd=code, ARTIFACT=str(artifact))
    except CheckFailed as error:
        raise CheckFailed(f"{fault}: {error}") from None
