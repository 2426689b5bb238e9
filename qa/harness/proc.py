"""Reads /proc. Linux only."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

MARK = "HARNESS_MARK"
_PROC = Path("/proc")
_ESTABLISHED = "01"
# Resets the peak to the current value: https://docs.kernel.org/filesystems/proc.html
_RESET_PEAK = "5"


class Held(NamedTuple):
    """Resources of a process: open descriptors, threads, and bytes of resident memory."""

    descriptors: int
    threads: int
    resident: int


def held(pid: int) -> Held:
    """The resources of a process now.

    Raises:
        OSError: it has ended.
    """
    folder = _PROC / str(pid)
    resident_pages = int((folder / "statm").read_text().split()[1])
    return Held(
        descriptors=_count(folder / "fd"),
        threads=len(list((folder / "task").iterdir())),
        resident=resident_pages * os.sysconf("SC_PAGE_SIZE"),
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return _fields(pid)[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """The live children of a process, oldest first."""
    return sorted(child for child, parent in _parents().items() if parent == pid and is_alive(child))


def cpu_seconds(pid: int) -> float:
    """User and system CPU time of a process until now; 0 if it has ended."""
    try:
        fields = _fields(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[int, int]:
    """Bytes of resident memory, and the same with a page shared by n processes counted as 1/n in each."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:  # ended meanwhile
        return 0, 0
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return sizes.get("Rss:", 0) * 1024, sizes.get("Pss:", 0) * 1024


def peer_ports(pid: int) -> set[int]:
    """Remote ports of the IPv4 connections that a process has open."""
    sockets = set()
    for link in (_PROC / str(pid) / "fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            sockets.add(target.removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in (_PROC / "net" / "tcp").read_text().splitlines()[1:]]
    return {int(row[2].partition(":")[2], 16) for row in rows if row[3] == _ESTABLISHED and row[9] in sockets}


def marked(mark: str) -> list[int]:
    """The ids of all live processes that inherited a value of `MARK`, and of their descendants.

    Descendants, because Ray's workers overwrite their environment with their title.
    """
    wanted = f"{MARK}={mark}".encode()
    parents, found = _parents(), set()
    for pid in parents:
        try:
            if wanted in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found.add(pid)
        except OSError:  # ended meanwhile, or another user's
            continue
    size = 0
    while size < len(found):
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return sorted(pid for pid in found if is_alive(pid))


def kill_marked(mark: str, *, seconds: float = 10) -> None:
    """Kill every process with a mark, and those that it starts meanwhile."""
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


class PeakMemory:
    """Measures the peak memory of this process in a block, including what C and Rust allocate.

    Attributes:
        grown: peak bytes in the block minus the bytes before it.
    """

    def __init__(self) -> None:
        self.grown = 0
        self._before = 0

    def __enter__(self) -> Self:
        """Reset the peak."""
        reset_peak()
        self._before = peak()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Measure the peak."""
        self.grown = peak() - self._before


def raise_file_limit() -> int:
    """Raise the limit of open files to the hard limit, also for child processes; return it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def reset_peak(pid: int | str = "self") -> None:
    """Set the peak memory of a process to what it has now.

    Raises:
        OSError: it has ended.
    """
    (_PROC / str(pid) / "clear_refs").write_text(_RESET_PEAK)


def peak(pid: int | str = "self") -> int:
    """Peak bytes of resident memory of a process.

    Raises:
        OSError: it has ended.
    """
    text = (_PROC / str(pid) / "status").read_text()
    start = text.index("VmHWM:") + len("VmHWM:")
    return int(text[start : text.index("kB", start)]) * 1024


def _count(descriptors: Path) -> int:
    """Number of descriptors. Since Linux 6.2 it is the folder's size; listing thousands takes 10 ms."""
    return descriptors.stat().st_size or len(list(descriptors.iterdir()))


def _parents() -> dict[int, int]:
    """The parent of every process; empty without /proc."""
    found = {}
    for folder in _PROC.iterdir() if _PROC.is_dir() else ():
        if folder.name.isdecimal():
            try:
                found[int(folder.name)] = int(_fields(int(folder.name))[1])
            except OSError:  # ended meanwhile
                continue
    return found


def _fields(pid: int) -> list[str]:
    """A process's state, parent and so on: the fields after its name, which may contain any character."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
