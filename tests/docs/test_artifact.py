"""The tables and limits in docs/artifact.md are those of the code."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from typing import get_args

from app.contract import SCHEMA_VERSION, Contract
from app.contract.optional_part import MAX_PART_BYTES, MAX_PART_FILES
from app.contract.schema import READ_SCHEMAS
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "artifact.md").read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    rows = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, flags=re.MULTILINE)
    assert rows
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in rows[1].splitlines()]


def test_this_server_reads_and_seals_what_is_written() -> None:
    """The last row is this release's, and every schema that it reads is explained."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    release = ".".join(project["version"].split(".")[:2])
    read = ", ".join(map(str, READ_SCHEMAS))
    assert table("server")[-1] == [release, read, str(SCHEMA_VERSION)]
    assert [int(row[0]) for row in table("schema")] == list(READ_SCHEMAS)
    assert get_args(Contract.model_fields["schema_version"].annotation) == READ_SCHEMAS


def test_what_a_release_seals_was_read_by_the_one_before() -> None:
    """A new schema takes two releases, so that servers can be rolled back one by one."""
    servers = table("server")
    for (_, read, _), (release, _, sealed) in pairwise(servers):
        assert sealed in read.split(", "), f"{release} seals a schema that the release before does not read"


def test_the_limits_of_optional_parts_are_those_of_the_code() -> None:
    """And all of the parts are named."""
    assert f"at most {MAX_PART_FILES} names of files" in TEXT
    assert f"at most {MAX_PART_BYTES // 1024} KiB of JSON" in TEXT
    parts = [name for name, field in Contract.model_fields.items() if field.exclude_if]
    assert ", ".join(f"`{name}`" for name in parts[:-1]) + f" and `{parts[-1]}` are optional" in TEXT
