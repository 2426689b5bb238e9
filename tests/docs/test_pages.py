"""All documents: links have a target, and commands exist."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.conftest import ROOT
from tests.docs.pages import Page

FILES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks" / "README.md"]
ALL_PAGES = [Page(str(file.relative_to(ROOT))) for file in sorted(FILES)]
PAGES = pytest.mark.parametrize(
    "page", ALL_PAGES, ids=[str(page.path.relative_to(ROOT)) for page in ALL_PAGES]
)


def make_targets(page: Page) -> set[str]:
    """The targets behind `make` at the start of a line or of code."""
    return set(re.findall(r"(?:^|`)make ([a-z-]+)", page.text, flags=re.MULTILINE))


def program_commands(page: Page) -> set[str]:
    """The commands behind the program's name."""
    return set(re.findall(r"(?:python -m app|timeseries-server) ([a-z]+)\b(?![-.])", page.text))


@pytest.fixture(scope="module")
def listed_targets() -> set[str]:
    """The targets that `make help` lists."""
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"^  make ([a-z-]+)", done.stdout, flags=re.MULTILINE))


def test_the_pages_and_their_commands_are_found() -> None:
    """Without pages or commands, the tests below would check nothing."""
    assert len(ALL_PAGES) > 15
    targets = set().union(*map(make_targets, ALL_PAGES))
    assert {"serve", "check", "test", "train", "image", "image-check", "release-check"} <= targets
    for name in ("troubleshooting", "runbook", "deploying"):
        (page,) = (page for page in ALL_PAGES if page.path.stem == name)
        assert program_commands(page)


@PAGES
def test_every_link_has_a_target(page: Page) -> None:
    """The file exists, and has the heading."""
    for file, anchor in page.links:
        target = (page.path.parent / file).resolve() if file else page.path
        assert target.exists(), file
        assert not anchor or anchor in Page(str(target.relative_to(ROOT))).anchors, f"{file}#{anchor}"


@PAGES
def test_every_make_target_exists(page: Page, listed_targets: set[str]) -> None:
    """And `make help` lists it."""
    assert make_targets(page) <= listed_targets


@PAGES
def test_every_command_of_the_program_exists(page: Page) -> None:
    """`python -m app` has it."""
    commands = {file.stem for file in (ROOT / "app" / "cli" / "commands").glob("[a-z]*.py")}
    assert program_commands(page) <= commands
