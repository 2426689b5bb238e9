"""The pin file: serves a given version of a folder instead of the highest.

Servers that watch the folder follow it, so a rollback is one write.
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
# Enough for a version number.
MAX_PIN_BYTES = 32


def read_pin(folder: Path) -> Path | None:
    """The pinned version folder; None without a pin file.

    Raises:
        ArtifactError: the file does not name an existing version.
    """
    file = folder / PIN_FILE
    with readable(file):
        try:
            text = read_regular(file, max_bytes=MAX_PIN_BYTES)
        except FileNotFoundError:
            if file.is_symlink():  # a broken link is an error
                raise
            return None
    number = pinned_number(text, str(file))
    version = folder / str(number)
    with readable(version):
        is_there = (version / CONTRACT_FILE).is_file()
    if not is_there:
        raise ArtifactError(missing_pinned(str(file), number))
    return version


def pinned_number(content: bytes, place: str) -> int:
    """The version number in the content of a pin file; `place` is its path or URL.

    Raises:
        ArtifactError: it is no version number.
    """
    number = version_number(content.strip().decode("ascii", errors="replace"))
    if number is None:
        raise ArtifactError(f"{place}: no version number; write one, or delete the file")
    return number


def missing_pinned(place: str, number: int) -> str:
    """The message for a pin file that names a version that is not there."""
    return f"{place}: version {number} does not exist; write another number, or delete the file"


def pin(folder: Path, version: int | None) -> None:
    """Pin a version atomically; None removes the pin, so that the highest is served.

    Raises:
        ArtifactError: the version does not exist, or the file cannot be written.
    """
    file, new = folder / PIN_FILE, folder / f".{PIN_FILE}.{os.getpid()}"
    if version is not None and not (folder / str(version) / CONTRACT_FILE).is_file():
        raise ArtifactError(f"{folder}: version {version} does not exist")
    try:
        if version is None:
            file.unlink(missing_ok=True)
        else:
            new.write_text(f"{version}\n")
            new.replace(file)
    except OSError as error:
        raise ArtifactError(f"{file}: cannot be written ({error.strerror})") from error
