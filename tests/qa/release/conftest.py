"""A small project in a temporary git repository, as it is right before a release."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from qa.release.project import Project
from tests.conftest import ROOT

# As they are locked here, so that their licences are known.
HTTPX, UVICORN, RICH = (version(name) for name in ("httpx", "uvicorn", "rich"))
PYPROJECT = """\
[project]
name = "sample"
version = "1.2.0"
dependencies = ["httpx>=0.28"]
[project.optional-dependencies]
serve = ["uvicorn>=0.50"]
more = ["sample[serve]", "rich>=14"]
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-30

### Added

- A thing.
"""
MAKEFILE = """\
sbom:
	@mkdir -p .cache && cp sbom.json $(SBOM)
test:
	@echo tested
"""
SBOM = f"""\
{{"metadata": {{"component": {{"name": "sample", "version": "1.2.0"}}}},
 "components": [{{"name": "httpx", "version": "{HTTPX}"}}, {{"name": "uvicorn", "version": "{UVICORN}"}}]}}
"""
HASH = " \\\n    --hash=sha256:00\n"
FILES = {
    "pyproject.toml": PYPROJECT,
    "CHANGELOG.md": CHANGELOG,
    "Makefile": MAKEFILE,
    "sbom.json": SBOM,
    ".gitignore": ".cache/\n__pycache__/\n",
    "requirements/client.txt": f"httpx=={HTTPX}{HASH}",
    "requirements/serve.txt": f"httpx=={HTTPX}{HASH}uvicorn=={UVICORN}{HASH}",
    "requirements/gpu.txt": f"httpx=={HTTPX}{HASH}nvidia-nccl-cu12==2.32.3{HASH}",
    "requirements/extras/more.txt": f"rich=={RICH}{HASH}",
    "tests/docs/test_docs.py": "def test_docs():\n    pass\n",
}
IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that can be released; everything is committed."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for name, text in FILES.items():
        write(tmp_path, name, text)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return Project(tmp_path)


def write(root: Path, name: str, text: str) -> None:
    """Write a file, in a new folder if need be."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def replace(root: Path, name: str, old: str, new: str) -> None:
    """Change a part of a file that is there once."""
    text = (root / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    write(root, name, text.replace(old, new))


def git(root: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *IDENTITY, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path, *, tag: str | None = None) -> None:
    """Commit everything; tag it."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "a commit")
    if tag:
        git(root, "tag", tag)
