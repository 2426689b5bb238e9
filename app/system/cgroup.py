"""The CPU quota of a container, from Linux control groups: CPU time per period.

A quota is not an affinity: a process may see eight CPU cores and have the CPU time of one. When it has used
its quota up, it is stopped until the period ends, for up to 0.1 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The CPU quota of this process in CPU cores, from its own group and all parent groups.

    Args:
        root: the folder with `proc` and the mounts.

    Returns:
        The smallest quota; 1.5 means the CPU time of one and a half cores. None if there is none that can be
        read.
    """
    return min((quota for folder in _groups(root) if (quota := _quota_of(folder)) is not None), default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the process's groups that can have a CPU quota."""
    groups = _group_paths(_lines(root / "proc/self/cgroup"))
    for line in _lines(root / "proc/self/mountinfo"):
        # 31 23 0:28 /top/group /mount/point rw,relatime shared:2 - cgroup cgroup rw,cpu,cpuacct
        place, _, kind = line.partition(" - ")
        match place.split(), kind.split():
            case [_, _, _, top, mount, *_], ["cgroup2", *_] if 2 in groups:
                group = groups[2]
            case [_, _, _, top, mount, *_], ["cgroup", *_, options] if 1 in groups and _has_cpu(options):
                group = groups[1]
            case _:
                continue
        if group.is_relative_to(top) and ".." not in group.parts:
            below = group.relative_to(top)
            yield from (root / mount.lstrip("/") / part for part in (below, *below.parents))


def _group_paths(lines: list[str]) -> dict[int, PurePosixPath]:
    """The groups of this process, by version of control groups."""
    found = {}
    for line in lines:  # 0::/group, or 4:cpu,cpuacct:/group
        match line.split(":", 2):
            case ["0", "", path]:
                found[2] = PurePosixPath(path)
            case [_, controllers, path] if _has_cpu(controllers):
                found[1] = PurePosixPath(path)
    return found


def _has_cpu(controllers: str) -> bool:
    return "cpu" in controllers.split(",")


def _quota_of(folder: Path) -> float | None:
    """The quota of one group, in the format of either version."""
    for text in (
        _text(folder / "cpu.max"),  # "150000 100000", "max 100000"
        f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}",  # "-1 100000"
    ):
        match text.split():
            case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
                return int(quota) / int(period)
    return None


def _lines(file: Path) -> list[str]:
    return _text(file).splitlines()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # another system, or a sandbox that hides it
