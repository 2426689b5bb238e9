"""Which folder is which version, and which of them is to be served.

A version folder that a setting names itself may have any name. Below a folder of versions the name is the
version's number, the same as in its contract: what the disk, the log and `?version=` call it is one thing.
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
    """The version folder that a path means.

    It is the path itself; or of those below it the one that is pinned, else the highest that is complete.

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
    """The highest version in a folder of versions that is complete, whatever is pinned.

    Raises:
        ArtifactError: there is none, or the folder cannot be listed.
    """
    numbered = {version_number(child.name): child for child in _complete(path)}
    newest = max((number for number in numbered if number is not None), default=None)
    if newest is not None:
        return numbered[newest]
    if wrong := misnamed_versions(path):
        raise ArtifactError(next(iter(wrong.values())))
    raise ArtifactError(f"{path}: holds no {CONTRACT_FILE} and no version folder with one; set ARTIFACT")


def misnamed_versions(path: Path) -> dict[str, str]:
    """Why versions below a folder are never served, by their folders' names: a person reads a number there.

    `007` beside `7` would be the same version twice. A name that is no number to anyone, such as `3.old`, is
    how an operator puts a version aside, and is not among them.

    Raises:
        ArtifactError: the folder cannot be listed.
    """
    needed = f"a number from 1 to {MAX_VERSION} in plain digits, without leading zeros; rename the folder"
    return {
        child.name: f"{child.parent / shown(child.name)}: no name of a version, which is {needed}"
        for child in _complete(path)
        if child.name.strip().isdigit() and version_number(child.name) is None
    }


def check_number(folder: Path, contract: Contract) -> None:
    """Check that a folder below a folder of versions is named by its contract's version.

    Raises:
        ArtifactError: it has another name.
    """
    if folder.name != str(contract.version):
        raise ArtifactError(
            f"{folder}: {CONTRACT_FILE} says version {contract.version}; a version folder has its version's "
            f"number as its name: rename the folder to {contract.version}, or seal the version anew"
        )


def state_of(folder: Path) -> object:
    """What differs once a file of a version folder has changed.

    Raises:
        ArtifactError: the folder cannot be listed.
    """
    with readable(folder):
        return sorted((file.name, *_state_of_file(file)) for file in folder.iterdir())


def _complete(path: Path) -> Iterator[Path]:
    """The folders below one that have a contract, which is what makes a version complete."""
    with readable(path):
        for child in path.iterdir():
            if (child / CONTRACT_FILE).is_file():
                yield child


def _state_of_file(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:  # a link to nowhere, say: if it matters, opening the version says so
        return ()
    return status.st_mtime_ns, status.st_size
