"""Parses pages of the documentation: headings, links, names and examples."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from tests.conftest import ROOT


class Example(NamedTuple):
    """A command of a page and what it prints."""

    command: str
    output: str


class Page:
    """A Markdown file.

    Args:
        name: of the file, from the project's folder.
    """

    def __init__(self, name: str) -> None:
        self.path = ROOT / name
        self.text = self.path.read_text(encoding="utf-8")
        self._prose = re.sub(r"^ *```.*?^ *```", "", self.text, flags=re.DOTALL | re.MULTILINE)

    @cached_property
    def entries(self) -> dict[str, str]:
        """Text of each heading of the third level, up to the next heading."""
        parts = re.split(r"^(##+) (.*)\n", self.text, flags=re.MULTILINE)
        marks, headings, bodies = parts[1::3], parts[2::3], parts[3::3]
        assert len(set(headings)) == len(headings), "two headings would have one anchor"
        rows = zip(marks, headings, bodies, strict=True)
        return {heading: body.strip() for mark, heading, body in rows if mark == "###"}

    @cached_property
    def anchors(self) -> set[str]:
        """Anchors of its headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.*)$", self._prose, flags=re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}

    @cached_property
    def links(self) -> list[tuple[str, str]]:
        """File and anchor of each link within the documentation; either may be empty."""
        targets = re.findall(r"\]\(([^)\s]+)\)", self._prose)
        links = [target.partition("#") for target in targets if "://" not in target]
        return [(file, anchor) for file, _, anchor in links]

    @cached_property
    def code(self) -> set[str]:
        """Texts between backticks."""
        return set(re.findall(r"`([^`\n]+)`", self._prose))


def blocks(text: str, language: str) -> list[str]:
    """The contents of a text's code blocks in a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def examples(text: str) -> list[Example]:
    """The commands in a text's `console` blocks. A backslash continues a command in the next line."""
    found = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            count = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\\n"))
            found.append(Example("".join(lines[:count]), "".join(lines[count:]).strip()))
    return found
