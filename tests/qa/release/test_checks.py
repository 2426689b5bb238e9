"""Each check of a release passes on a project that is ready, and fails on one that is doctored."""

from __future__ import annotations

import pytest

from qa.release import checks
from qa.release.__main__ import run
from qa.release.checks import CHECKS, LAST
from qa.release.project import CheckFailed, Project
from tests.conftest import ROOT
from tests.qa.release.conftest import RICH, UVICORN, commit, git, replace, write


def fails(project: Project, check: str, *words: str) -> None:
    """A check fails, with a message that has these words."""
    with pytest.raises(CheckFailed) as failure:
        {**CHECKS, **LAST}[check](project)
    for word in words:
        assert word in str(failure.value)


def test_a_project_that_is_ready_passes_every_check(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each, and exit code 0."""
    assert run(project, CHECKS, LAST) == 0
    *lines, end = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["pass", name] for name in (*CHECKS, *LAST)]
    assert end == "ready to release"


def test_all_checks_are_run_and_the_tests_only_if_those_passed(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """One failure hides no other, and the exit code is 1."""
    write(project.root, "CHANGELOG.md", "")
    assert run(project, CHECKS, LAST) == 1
    lines = capsys.readouterr().out.splitlines()
    results = {line.split()[1]: line.split()[0] for line in lines[:-1]}
    assert results == {
        **dict.fromkeys(CHECKS, "pass"),
        "tree": "FAIL",
        "changelog": "FAIL",
        "tests": "skip",
    }
    assert lines[-1] == "not ready to release"


@pytest.mark.parametrize(("name", "text"), [("new.py", ""), ("Makefile", "all:\n")])
def test_files_that_are_not_committed_fail(project: Project, name: str, text: str) -> None:
    """New ones, and changed ones."""
    write(project.root, name, text)
    fails(project, "tree", f"not committed: {name}")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("## [1.2.0]", "## [1.1.0]", "the first entry is [1.1.0] - 2026-11-30; write ## [1.2.0]"),
        ("## [1.2.0] - 2026-11-30", "## [1.2.0]", "write ## [1.2.0] - YYYY-MM-DD"),
        ("2026-11-30", "2026-11-31", "2026-11-31 is no date"),
        ("### Added\n\n- A thing.\n", "", "the entry of 1.2.0 is empty"),
        ("## [Unreleased]\n", "## [Unreleased]\n\n- Something.\n", "move what is under Unreleased"),
        ("## [Unreleased]", "## [1.3.0] - 2026-12-01", "the first entry is [1.3.0]"),
    ],
)
def test_a_changelog_without_the_versions_entry_fails(
    project: Project, old: str, new: str, words: str
) -> None:
    """It is the first entry, has a date, and holds everything."""
    replace(project.root, "CHANGELOG.md", old, new)
    fails(project, "changelog", words)


def test_a_version_that_is_none_fails(project: Project) -> None:
    """Three numbers, as tags are sorted by them."""
    replace(project.root, "pyproject.toml", '"1.2.0"', '"1.2.0rc1"')
    for check in ("changelog", "tag"):
        fails(Project(project.root), check, "version 1.2.0rc1 is not MAJOR.MINOR.PATCH")


def test_a_tag_on_another_commit_fails(project: Project) -> None:
    """On this one it is right: the check may be repeated after the tag was made."""
    git(project.root, "tag", "--annotate", "v1.2.0", "--message", "1.2.0")
    assert checks.tag(project).startswith("v1.2.0 is free, or on this commit")
    commit(project.root)
    fails(project, "tag", "v1.2.0 is the tag of commit", "raise the version")


@pytest.mark.parametrize("tag", ["v1.10.0", "v2.0.0"])
def test_a_higher_version_that_is_tagged_fails(project: Project, tag: str) -> None:
    """Versions are compared as numbers."""
    git(project.root, "tag", tag)
    fails(project, "tag", f"{tag} is released already")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("pyproject.toml", "httpx>=0.28", "httpx>=99", "httpx>=99 is required; locked is"),
        ("pyproject.toml", '"rich>=14"', '"click"', "extras/more.txt: click is required; locked is nothing"),
        ("requirements/serve.txt", f"uvicorn=={UVICORN}", "uvicorn==0.49.0", "locked is 0.49.0"),
        ("requirements/client.txt", " \\\n    --hash=sha256:00", "", "client.txt: httpx has no hash"),
        (
            "pyproject.toml",
            'more = ["sample[serve]", "rich>=14"]',
            "other = []",
            "extras/other.txt is missing",
        ),
    ],
)
def test_lock_files_that_differ_from_pyproject_fail(
    project: Project, file: str, old: str, new: str, words: str
) -> None:
    """The message names the file and the requirement, and what writes the files anew."""
    replace(project.root, file, old, new)
    fails(Project(project.root), "locks", words, "make lock")


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ("nothing-such==1.0", "not installed here: nothing-such 1.0"),
        ("rich==1.0", "not installed here: rich 1.0"),
    ],
)
def test_a_locked_package_whose_licence_is_not_known_fails(project: Project, pin: str, words: str) -> None:
    """It is not installed, or in another version."""
    replace(project.root, "requirements/extras/more.txt", f"rich=={RICH}", pin)
    fails(project, "licences", words)


def test_a_licence_that_is_not_allowed_fails(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does in the build of an image."""
    monkeypatch.setattr("deploy.notices.ALLOWED", {"BSD-3-Clause"})
    fails(project, "licences", f"rich {RICH}: its licence, MIT, is not in ALLOWED")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"version": "1.2.0"', '"version": "1.1.0"', "describes version 1.1.0, not 1.2.0"),
        (f'"version": "{UVICORN}"', '"version": "0.49.0"', f"lacks uvicorn {UVICORN}"),
    ],
)
def test_an_sbom_that_is_not_this_versions_fails(project: Project, old: str, new: str, words: str) -> None:
    """It names the release and each locked package."""
    replace(project.root, "sbom.json", old, new)
    fails(project, "sbom", words)


@pytest.mark.parametrize(
    ("check", "file", "text", "words"),
    [
        ("sbom", "Makefile", "sbom:\n\t@echo no network; exit 3\n", "no network"),
        ("docs", "tests/docs/test_docs.py", "def test_it():\n    assert 1 == 2\n", "assert 1 == 2"),
        ("tests", "Makefile", "test:\n\t@echo 2 failed; exit 1\n", "2 failed"),
    ],
)
def test_a_command_that_fails_fails_its_check(
    project: Project, check: str, file: str, text: str, words: str
) -> None:
    """With the end of what it printed."""
    write(project.root, file, text)
    fails(project, check, "exit code", words)


def test_a_file_that_cannot_be_read_is_a_failed_check(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a trace."""
    write(project.root, "sbom.json", "{")
    assert run(project, {"sbom": checks.sbom}, {}) == 1
    assert capsys.readouterr().out.startswith("FAIL  sbom")


@pytest.mark.parametrize("check", ["locks", "licences"])
def test_this_project_passes(check: str) -> None:
    """The checks that hold at every commit."""
    CHECKS[check](Project(ROOT))
