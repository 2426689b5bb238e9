"""`app.contract.versions`: folders are named by the versions in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.contract import CONTRACT_FILE, find_version, misnamed_versions, open_artifact, pin
from app.errors import ArtifactError

# A person reads a version's number; some of them Python takes for one, too, and one of them it refuses to.
MISNAMED = ["007", "0", "00", "٣", "²", " 7", "1234567890", "9" * 200]
# Nobody does: operators put versions aside under such names, and sealing writes under one.
ASIDE = ["3.old", "v4", ".4.partial", "backup", "-1", "1.0"]


def put(parent: Path, *names: str) -> Path:
    """Folders with something in the place of a contract."""
    for name in names:
        (parent / name).mkdir()
        (parent / name / CONTRACT_FILE).touch()
    return parent


@pytest.mark.parametrize("name", MISNAMED)
def test_a_folder_of_another_spelling_is_never_served(tmp_path: Path, name: str) -> None:
    """Though it is the highest, to a reader who takes it for a number."""
    assert find_version(put(tmp_path, "2", name)).name == "2"


@pytest.mark.parametrize("name", MISNAMED)
def test_a_misnamed_version_is_the_reason_if_there_is_no_other(tmp_path: Path, name: str) -> None:
    """Not that there was nothing: the operator sees the folder, and has to rename it."""
    with pytest.raises(ArtifactError, match=r"not a version name, which is a number from 1 to") as info:
        find_version(put(tmp_path, name))
    assert str(info.value).isprintable()
    assert str(info.value).startswith(f"{tmp_path / name[:50]}")


def test_misnamed_versions_are_reported_and_those_set_aside_are_not(tmp_path: Path) -> None:
    """A folder without a contract is not there yet."""
    put(tmp_path, "1", "20", *MISNAMED, *ASIDE)
    (tmp_path / "008").mkdir()
    assert set(misnamed_versions(tmp_path)) == set(MISNAMED)


@pytest.mark.parametrize("name", ["2", "10"])
def test_a_version_below_is_named_by_its_number(folder: Path, name: str) -> None:
    """The log would call it one thing and `?version=` another."""
    wrong = folder.parent / name
    folder.rename(wrong)
    with pytest.raises(ArtifactError, match=rf"/{name}: contract\.json says version 4; .*rename .* to 4"):
        open_artifact(folder.parent)


def test_a_pinned_version_is_named_by_its_number(folder: Path) -> None:
    """Whoever pins 2 does not mean another one."""
    shutil.copytree(folder, folder.parent / "2")
    pin(folder.parent, 2)
    with pytest.raises(ArtifactError, match=r"/2: contract\.json says version 4"):
        open_artifact(folder.parent)
    pin(folder.parent, 4)
    assert open_artifact(folder.parent).folder == folder


def test_a_link_below_is_named_by_its_number(folder: Path) -> None:
    """The same version twice is not two."""
    (folder.parent / "5").symlink_to(folder)
    with pytest.raises(ArtifactError, match=r"/5: contract\.json says version 4"):
        open_artifact(folder.parent)


@pytest.mark.parametrize("name", ["served", "2", "007", "1.candidate"])
def test_a_version_that_is_named_itself_may_have_any_name(folder: Path, name: str) -> None:
    """Mounts and links are named for other things."""
    other = folder.parent / name
    folder.rename(other)
    assert open_artifact(other).contract.version == 4
