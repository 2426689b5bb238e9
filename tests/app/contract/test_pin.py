"""`app.contract.pin`: the version that someone chose."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contract import CONTRACT_FILE, PIN_FILE, find_version, pin
from app.errors import ArtifactError
from tests.support.not_files import KINDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the versions 1, 2 and 10."""
    for number in ("1", "2", "10"):
        (tmp_path / number).mkdir()
        (tmp_path / number / CONTRACT_FILE).touch()
    return tmp_path


def test_the_pinned_version_is_meant_and_without_one_the_highest(folder: Path) -> None:
    """A pin can be moved and taken away."""
    assert find_version(folder).name == "10"
    for number in (1, 2):
        pin(folder, number)
        assert find_version(folder).name == str(number)
    pin(folder, None)
    assert find_version(folder).name == "10"
    assert sorted(path.name for path in folder.iterdir()) == ["1", "10", "2"]


def test_a_version_that_is_named_itself_needs_no_pin(folder: Path) -> None:
    """Who names a version gets it."""
    pin(folder, 1)
    assert find_version(folder / "2").name == "2"


@pytest.mark.parametrize("text", ["", "two", "-1", "0", "01", "٣", "1.0", "1 2", "../1", "\0", "²", "1" * 10])
def test_a_pin_that_is_not_a_number_is_refused(folder: Path, text: str) -> None:
    """Rather than to serve what nobody chose."""
    (folder / PIN_FILE).write_text(text)
    with pytest.raises(ArtifactError, match=r"SERVE: no version number; write one, or delete the file"):
        find_version(folder)


@pytest.mark.parametrize("text", ["1", "1\n", " 1 "])
def test_a_pin_may_be_written_by_hand(folder: Path, text: str) -> None:
    """Space around the number is no matter."""
    (folder / PIN_FILE).write_text(text)
    assert find_version(folder).name == "1"


def test_a_version_that_does_not_exist_is_refused(folder: Path) -> None:
    """Both when it is pinned and when it is read."""
    with pytest.raises(ArtifactError, match="version 3 does not exist"):
        pin(folder, 3)
    (folder / PIN_FILE).write_text("3")
    with pytest.raises(ArtifactError, match="SERVE: version 3 does not exist; write another"):
        find_version(folder)


def test_a_pin_that_cannot_be_written_says_so(folder: Path) -> None:
    """In one line, with the file and the reason."""
    (folder / PIN_FILE).mkdir()
    with pytest.raises(ArtifactError, match=r"SERVE: cannot be written \(Is a directory\)"):
        pin(folder, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pin_that_cannot_be_read_says_so(folder: Path, kind: str) -> None:
    """At once, and the highest version does not take the place of the one that somebody meant."""
    make, message = KINDS[kind]
    make(folder / PIN_FILE)
    with pytest.raises(ArtifactError, match=rf"SERVE: cannot be read \({message}"):
        find_version(folder)


def test_a_pin_is_short(folder: Path) -> None:
    """Whoever wrote more did not mean a version."""
    (folder / PIN_FILE).write_text("1" * 40)
    with pytest.raises(ArtifactError, match=r"SERVE: cannot be read \(too large: 40 bytes of at most 32\)"):
        find_version(folder)


def test_a_pin_may_be_a_link(folder: Path) -> None:
    """As orchestrators mount files."""
    (folder / "data").write_text("2")
    (folder / PIN_FILE).symlink_to("data")
    assert find_version(folder).name == "2"
