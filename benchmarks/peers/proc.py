"""What /proc tells of the processes that a command started, found by a mark in their environment."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MARK = "BENCHMARK_MARK"
KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of all processes together. `shared_once` counts a page that n processes share as 1/n in each."""

    resident: int
    shared_once: int


def marked(mark: str) -> list[int]:
    """The ids of all live processes that inherited a mark, and of their descendants.

    The latter for those that write their title over their environment, as Ray's workers do.
    """
    wanted = f"{MARK}={mark}".encode()
    found: set[int] = set()
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                children.setdefault(int(_fields(folder)[1]), []).append(int(folder.name))
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(int(folder.name))
            except OSError:  # ended meanwhile, or another user's
                continue
    new = list(found)
    while new:
        new = [child for parent in new for child in children.get(parent, []) if child not in found]
        found.update(new)
    return sorted(found)


def kill(mark: str, *, seconds: float = 10) -> None:
    """Kill every process with a mark, and those that they start meanwhile."""
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def memory(mark: str) -> Memory:
    """What the processes with a mark hold now."""
    sizes = [_memory(pid) for pid in marked(mark)]
    return Memory(sum(size.resident for size in sizes), sum(size.shared_once for size in sizes))


def processor_seconds(mark: str) -> float:
    """How long they have computed until now."""
    return sum(_processor_seconds(pid) for pid in marked(mark))


def _fields(folder: Path) -> list[str]:
    """A process's state, parent and so on: what stands behind its name, which may hold anything."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def _processor_seconds(pid: int) -> float:
    try:
        fields = _fields(Path("/proc") / str(pid))
    except OSError:  # ended meanwhile
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system


def _memory(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # ended meanwhile
        return Memory(0, 0)
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return Memory(sizes.get("Rss:", 0) * KILOBYTE, sizes.get("Pss:", 0) * KILOBYTE)
