"""Which version of a folder is to be served, where that is not the highest: a number in a file beside them.

Servers that watch the folder follow it, so a roll-back is one write.
"""

from __future__ import annotations

import os
from pathlib import Path

from app.contract.files import readable
from app.contract.numbering import version_number
from app.contract.schema import CONTRACT_FILE
from app.errors import ArtifactError
from app.system.regular_file import read_regular

PIN_FILE = "SERVE"
# A number; whoever wrote more did not mean a version.
_MOST_BYTES = 32


def read_pin(folder: Path) -> Path | None:
    """The version folder that is pinned; None if none is.

    Raises:
        ArtifactError: the file names no version that is there.
    """
    file = folder / PIN_FILE
    with readable(file):
        try:
            text = read_regular(file, max_bytes=_MOST_BYTES)
        except FileNotFoundError:
            if file.is_symlink():  # somebody meant a version
                raise
            return None
    number = version_number(text.strip().decode("ascii", errors="replace"))
    if number is None:
        raise ArtifactError(f"{file}: holds no version's number; write one, or delete it")
    version = folder / str(number)
    with readable(version):
        is_there = (version / CONTRACT_FILE).is_file()
    if not is_there:
        raise ArtifactError(f"{file}: names version {number}, which is not there")
    return version


def pin(folder: Path, version: int | None) -> None:
    """Pin a version, whole at once; or none, so that the highest is served.

    Raises:
        ArtifactError: the version is not there, or the file cannot be written.
    """
    file, new = folder / PIN_FILE, folder / f".{PIN_FILE}.{os.getpid()}"
    if version is not None and not (folder / str(version) / CONTRACT_FILE).is_file():
        raise ArtifactError(f"{folder}: holds no version {version}")
    try:
        if version is None:
            file.unlink(missing_ok=True)
        else:
            new.write_text(f"{version}\n")
            new.replace(file)
    except OSError as error:
        raise ArtifactError(f"{file}: cannot be written ({error.strerror})") from error
