"""Finds version folders, and the one to serve.

A version folder that a setting names directly may have any name. Below a folder of versions, the name is the
version number of its contract: disk, log and `?version=` use the same number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.contract.files import readable
from app.contract.numbering import MAX_VERSION, version_number
from app.contract.pin import read_pin
from app.contract.schema import CONTRACT_FILE, Contract
from app.contract.wording import shown
from app.errors import ArtifactError


def find_version(path: Path) -> Path:
    """The version folder to serve: the path itself, or below it the pinned or else the highest complete one.

    Raises:
        ArtifactError: there is none.
    """
    with readable(path):
        if (path / CONTRACT_FILE).is_file():
            return path
        if not path.is_dir():
            raise ArtifactError(f"{path}: no such folder; train one with `make train` or set ARTIFACT")
    return read_pin(path) or newest_version(path)


def newest_version(path: Path) -> Path:
    """The highest complete version in a folder of versions, ignoring the pin file.

    Raises:
        ArtifactError: there is none, or the folder cannot be listed.
    """
    numbered = {version_number(child.name): child for child in _complete(path)}
    newest = max((number for number in numbered if number is not None), default=None)
    if newest is not None:
        return numbered[newest]
    if wrong := misnamed_versions(path):
        raise ArtifactError(next(iter(wrong.values())))
    raise ArtifactError(f"{path}: contains no {CONTRACT_FILE} and no version folder with one; set ARTIFACT")


def numbered_versions(path: Path) -> dict[int, Path]:
    """All complete versions of a folder by number, ascending.

    Raises:
        ArtifactError: the folder cannot be listed.
    """
    found = {version_number(child.name): child for child in _complete(path)}
    return {number: found[number] for number in sorted(number for number in found if number is not None)}


def misnamed_versions(path: Path) -> dict[str, str]:
    """Why version folders with names like a number are never served, by name.

    `007` beside `7` would be the same version twice. Other names, such as `3.old`, are not reported:
    operators set versions aside that way.

    Raises:
        ArtifactError: the folder cannot be listed.
    """
    needed = f"a number from 1 to {MAX_VERSION} in plain digits, without leading zeros; rename the folder"
    return {
        child.name: f"{child.parent / shown(child.name)}: not a version name, which is {needed}"
        for child in _complete(path)
        if child.name.strip().isdigit() and version_number(child.name) is None
    }


def check_number(folder: Path, contract: Contract) -> None:
    """Check that the name of a folder is its contract's version.

    Raises:
        ArtifactError: it has another name.
    """
    if folder.name != str(contract.version):
        raise ArtifactError(
            f"{folder}: {CONTRACT_FILE} says version {contract.version}; rename the folder to "
            f"{contract.version}, or seal the version again"
        )


def state_of(folder: Path) -> object:
    """A value that compares unequal after a file of a version folder has changed.

    Raises:
        ArtifactError: the folder cannot be listed.
    """
    with readable(folder):
        return sorted((file.name, *_state_of_file(file)) for file in folder.iterdir())


def _complete(path: Path) -> Iterator[Path]:
    """Folders with a contract: it is written last, so the version is complete."""
    with readable(path):
        for child in path.iterdir():
            if (child / CONTRACT_FILE).is_file():
                yield child


def _state_of_file(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:  # a broken link, say: opening the version reports it
        return ()
    return status.st_mtime_ns, status.st_size
