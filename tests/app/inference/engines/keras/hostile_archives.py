"""Builders of hostile archives: the committed model's members in a zip file that lies."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

from tests.app.inference.engines.keras.hostile import CONFIG, METADATA, WEIGHTS, members_of, write


def with_member(source: Path, target: Path, name: str, content: bytes = b"x") -> Path:
    """A copy with one member more."""
    return write(target, {**members_of(source), name: content})


def with_a_member_twice(source: Path, target: Path) -> Path:
    """A copy with a second configuration after the first."""
    with_member(source, target, "config.jsoX", b'{"class_name": "Lambda", "module": "keras.layers"}')
    target.write_bytes(target.read_bytes().replace(b"config.jsoX", b"config.json"))
    return target


def with_a_nul_in_a_name(source: Path, target: Path) -> Path:
    """A copy with a member whose name Python reads up to the NUL, and others perhaps not."""
    members = members_of(source)
    members["config.jsonX.py"] = members.pop(CONFIG)
    write(target, members)
    target.write_bytes(target.read_bytes().replace(b"config.jsonX.py", b"config.json\0.py"))
    return target


def with_a_symlink(source: Path, target: Path, to: str) -> Path:
    """A copy whose weights are a symbolic link."""
    members = members_of(source)
    link = zipfile.ZipInfo(WEIGHTS)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(CONFIG, members[CONFIG])
        archive.writestr(METADATA, members[METADATA])
        archive.writestr(link, to)
    return target


def compressed(source: Path, target: Path, *, zeros: int, declared: int | None = None) -> Path:
    """A copy whose weights are zeros, compressed a thousandfold; it may declare another size for them."""
    write(target, {**members_of(source), WEIGHTS: bytes(zeros)}, compressed=WEIGHTS)
    if declared is not None:
        size, lie = struct.pack("<L", zeros), struct.pack("<L", declared)
        target.write_bytes(target.read_bytes().replace(size, lie))
    return target


def with_patched_entry(source: Path, target: Path, name: str, offset: int, number: bytes) -> Path:
    """A copy with other bytes in a member's entry in the archive's list; offsets are those of the format."""
    content = bytearray(write(target, members_of(source)).read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    content[entry + offset : entry + offset + len(number)] = number
    target.write_bytes(content)
    return target


def encrypted(source: Path, target: Path) -> Path:
    """A copy whose configuration says that it is encrypted."""
    return with_patched_entry(source, target, CONFIG, 8, struct.pack("<H", 1))


def larger_than_the_archive(source: Path, target: Path) -> Path:
    """A copy whose weights declare 200 MiB, stored, and are not there."""
    return with_patched_entry(source, target, WEIGHTS, 20, struct.pack("<LL", 200 << 20, 200 << 20))


def with_another_size(source: Path, target: Path) -> Path:
    """A copy whose configuration is stored as it is, and declares ten times its size."""
    return with_patched_entry(source, target, CONFIG, 24, struct.pack("<L", 500_000))


def with_another_method(source: Path, target: Path) -> Path:
    """A copy whose configuration is stored as it is, and declares to be compressed to the same size."""
    return with_patched_entry(source, target, CONFIG, 10, struct.pack("<H", zipfile.ZIP_DEFLATED))


def of_many_members(target: Path, count: int = 2000) -> Path:
    """An archive of so many empty members that listing them is work."""
    return write(target, {f"{i}": b"" for i in range(count)})


def with_zip64_records(source: Path, target: Path) -> Path:
    """A copy that ends with the records that give its list of members another size, in 64 bits."""
    content = write(target, members_of(source)).read_bytes()
    body, end = content[:-22], content[-22:]
    record = b"PK\x06\x06" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1 << 20, 1 << 20, 1 << 40, 0)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, len(body), 1)
    target.write_bytes(body + record + locator + end)
    return target


def without_weights(source: Path, target: Path) -> Path:
    """An archive without its weights."""
    members = members_of(source)
    del members[WEIGHTS]
    return write(target, members)


def with_pickled_weights(source: Path, target: Path) -> Path:
    """A copy whose weights are a pickle."""
    return write(target, {**members_of(source), WEIGHTS: b"\x80\x04\x95\x1f\0\0\0\0\0\0\0\x8c\x05posix"})


def with_a_large_configuration(source: Path, target: Path) -> Path:
    """A copy with megabytes of spaces before nothing."""
    return write(target, {**members_of(source), CONFIG: b" " * 5_000_000})
