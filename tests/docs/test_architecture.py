"""docs/architecture.md and CONTRIBUTING.md are true: the files and functions in them exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.conftest import ROOT
from tests.docs.pages import Page

ARCHITECTURE, CONTRIBUTING = Page("docs/architecture.md"), Page("CONTRIBUTING.md")
# | 1. what | `file`, `file` | `function`, `function` |
STEP = re.compile(r"^\| \d+\. .+ \| (`[\w/.]+`(?:, `[\w/.]+`)*) \| (`\w+`(?:, `\w+`)*) \|$", re.MULTILINE)
STEPS = [
    (re.findall(r"[\w/.]+", files), re.findall(r"\w+", names))
    for files, names in STEP.findall(ARCHITECTURE.text)
]
PAGES = pytest.mark.parametrize("page", [ARCHITECTURE, CONTRIBUTING], ids=lambda page: page.path.name)


def functions(file: str) -> set[str]:
    """The functions and methods of a module."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_numbered_row_is_found() -> None:
    """A row that the pattern does not match would not be checked."""
    assert len(STEPS) == len(re.findall(r"^\| \d+\. ", ARCHITECTURE.text, flags=re.MULTILINE)) > 20


@pytest.mark.parametrize(("files", "names"), STEPS)
def test_every_function_is_in_its_file(files: list[str], names: list[str]) -> None:
    """One function for each file of the row."""
    assert len(files) == len(names)
    for file, name in zip(files, names, strict=True):
        assert name in functions(file), file


@PAGES
def test_every_file_and_folder_exists(page: Page) -> None:
    """Those that are named from the project's folder."""
    named = {code for code in page.code if re.fullmatch(r"[\w.-]+/(?:[\w./-]+)?|[\w-]+\.toml", code)}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
