"""What a report says it was made with."""

from __future__ import annotations

import pytest

from benchmarks.peers.about import without_folders


@pytest.mark.parametrize(
    "words",
    [
        ["--cache", "/somewhere/peers", "--rounds", "3", "--only", "ours"],
        ["--rounds", "3", "--cache=/somewhere/peers", "--only", "ours"],
        ["--rounds", "3", "--only", "ours", "--out", "/somewhere/results"],
    ],
)
def test_the_command_of_a_report_names_no_folder_of_the_machine(words: list[str]) -> None:
    """The folders a run was told to use are left out of its command, and nothing else is."""
    assert without_folders(words) == ["--rounds", "3", "--only", "ours"]
