"""Reads zip archives from untrusted sources: `model.keras`, `golden.npz` and `neighbours.npz`.

Keras and NumPy write these files without compression, and compressed members are refused. So a member is as
large as it is on disk, and there are no zip bombs. This module does not know what the members contain.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from app.contract.files import read_file
from app.contract.wording import reason_of, shown
from app.errors import ArtifactError

# The record at the end of an archive without a comment, and the one before it if sizes need 64 bits.
_END = b"PK\x05\x06"
_END_BYTES = 22
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
# zipfile makes an object for every entry, so the size of the directory is checked first.
_MAX_DIRECTORY_BYTES = 4096
_ENCRYPTED = 0x1
# What zipfile documents for a damaged archive, and what it raises for damaged numbers.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OverflowError,
    struct.error,
)


def read_members(path: Path, limits: Mapping[str, int], *, optional: frozenset[str]) -> dict[str, bytes]:
    """Read the content of all members; the file is read once.

    Args:
        path: the archive.
        limits: the allowed names, with the largest size of each in bytes.
        optional: allowed names that may be missing.

    Raises:
        ArtifactError: names the file and the first problem.
    """
    content = read_file(path, most=sum(limits.values()) + _MAX_DIRECTORY_BYTES)
    return members_of(path, content, limits, optional=optional)


def members_of(
    path: Path, content: bytes, limits: Mapping[str, int], *, optional: frozenset[str]
) -> dict[str, bytes]:
    """The content of all members of an archive that was read; raises as `read_members` does."""
    _check_end(path, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            for member in members:
                _check_member(path, member, limits)
            _check_names(path, [member.filename for member in members], limits.keys() - optional)
            return {member.filename: archive.read(member) for member in members}
    except _DAMAGED as error:
        raise ArtifactError(f"{path}: damaged zip archive: {reason_of(error)}") from error


def _check_end(path: Path, content: bytes) -> None:
    end = content[-_END_BYTES:]
    if len(end) < _END_BYTES or not end.startswith(_END) or end[-2:] != b"\0\0":
        raise ArtifactError(f"{path}: not a zip archive, or truncated: it has no end record")
    before = content[-_END_BYTES - _ZIP64_LOCATOR_BYTES : -_END_BYTES]
    if before.startswith(_ZIP64_LOCATOR) or int.from_bytes(end[12:16], "little") > _MAX_DIRECTORY_BYTES:
        raise ArtifactError(f"{path}: its zip directory has more than {_MAX_DIRECTORY_BYTES:,} bytes")


def _check_member(path: Path, member: zipfile.ZipInfo, limits: Mapping[str, int]) -> None:
    name = shown(member.orig_filename)
    mode = member.external_attr >> 16
    if member.filename not in limits or member.orig_filename != member.filename:
        raise ArtifactError(f"{path}: contains {name}; allowed are {', '.join(sorted(limits))}")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ArtifactError(f"{path}: {name} is a link or a device, not a file")
    if member.flag_bits & _ENCRYPTED:
        raise ArtifactError(f"{path}: {name} is encrypted")
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise ArtifactError(f"{path}: {name} is compressed; members must be stored uncompressed")
    if member.file_size > limits[member.filename]:
        raise ArtifactError(
            f"{path}: {name} is {member.file_size:,} bytes; at most {limits[member.filename]:,} are allowed"
        )


def _check_names(path: Path, names: list[str], needed: set[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ArtifactError(f"{path}: contains {name} twice")
    if missing := sorted(needed - set(names)):
        raise ArtifactError(f"{path}: lacks {', '.join(missing)}")
