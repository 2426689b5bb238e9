"""What /proc tells of a server's processes. Linux alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_ESTABLISHED = "01"


class Held(NamedTuple):
    """What a process holds: open descriptors, threads, and bytes of resident memory."""

    descriptors: int
    threads: int
    resident: int


def held(pid: int) -> Held:
    """What a process holds now.

    Raises:
        OSError: it has ended.
    """
    folder = Path("/proc") / str(pid)
    resident_pages = int((folder / "statm").read_text().split()[1])
    return Held(
        descriptors=_count(folder / "fd"),
        threads=len(list((folder / "task").iterdir())),
        resident=resident_pages * os.sysconf("SC_PAGE_SIZE"),
    )


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live, oldest first."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                state, parent = _fields(folder)[:2]
            except OSError:  # ended meanwhile
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(folder.name))
    return sorted(found)


def peer_ports(pid: int) -> set[int]:
    """The other ends' ports of the IPv4 connections that a process holds."""
    sockets = set()
    for link in (Path("/proc") / str(pid) / "fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            sockets.add(target.removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].partition(":")[2], 16) for row in rows if row[3] == _ESTABLISHED and row[9] in sockets}


def _count(descriptors: Path) -> int:
    """How many there are. Since Linux 6.2 that is the folder's size; to list thousands takes 10 ms."""
    return descriptors.stat().st_size or len(list(descriptors.iterdir()))


def _fields(folder: Path) -> list[str]:
    """A process's state, parent and so on: what stands behind its name, which may hold anything."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
