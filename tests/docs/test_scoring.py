"""docs/scoring.md is true: its columns, its options and the folders of an output."""

from __future__ import annotations

import re
from typing import Any

from app.cli.parser import create_parser
from app.contract import Artifact
from app.scoring import ledger
from app.scoring.shard_table import ShardTable
from app.series.manifest import MANIFEST
from tests.docs.pages import Page, blocks

PAGE = Page("docs/scoring.md")


def first_cells(heading: str) -> list[str]:
    """The texts between backticks in the first column of the table that begins with this line."""
    table = PAGE.text.partition(heading)[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_columns_are_those_of_the_files(artifact: Artifact) -> None:
    """In their order."""
    names = ShardTable(artifact.contract).schema.names
    shown = dict.fromkeys("probability_…" if name.startswith("probability_") else name for name in names)
    assert first_cells("| column | type |") == list(shown)


def test_the_entries_of_an_output_are_named() -> None:
    """All that the code writes."""
    folders = [f"{name}/" for name in (ledger.SHARDS, ledger.RECORDS, ledger.LEASES)]
    assert sorted(first_cells("| in the output |")) == sorted([MANIFEST, ledger.PLAN, *folders])


def test_the_commands_are_valid() -> None:
    """And every option that the page names exists."""
    (text,) = blocks(PAGE.text, "sh")
    commands = [line.split() for line in text.splitlines()]
    assert len(commands) == 3
    for _, *arguments in commands:
        options: Any = create_parser(arguments).parse_args(arguments)
        assert options.command == "score"
    parser: Any = create_parser(["score"])
    known = set(parser._subparsers._group_actions[0].choices["score"]._option_string_actions)
    assert {code.split()[0] for code in PAGE.code if code.startswith("--")} <= known
