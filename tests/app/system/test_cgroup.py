"""`app.system.cgroup`: quotas in files as kernels write them, and in a real group where possible."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.system.cgroup import cpu_quota
from tests.conftest import ROOT

V2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
OTHERS = [
    "23 1 0:27 / / rw,relatime - ext4 /dev/root rw",
    "24 23 0:30 / /strange rw -  rw",
    "25 23 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset",
    "26 23 0:32 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd",
    "",
]


def tree(folder: Path, *, groups: list[str], mounts: list[str], files: dict[str, str]) -> Path:
    """A root folder with these groups, mounts and files below `/sys/fs/cgroup`."""
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text("\n".join(groups) + "\n")
    (folder / "proc/self/mountinfo").write_text("\n".join([*OTHERS, *mounts]) + "\n")
    for name, text in files.items():
        file = folder / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return folder


def v1(folder: str, quota: int, period: int = 100_000) -> dict[str, str]:
    """The files of a group of version 1."""
    return {f"{folder}/cpu.cfs_quota_us": str(quota), f"{folder}/cpu.cfs_period_us": str(period)}


@pytest.mark.parametrize(
    ("group", "files", "quota"),
    [
        ("/", {"cpu.max": "150000 100000"}, 1.5),
        ("/", {"cpu.max": "25000 50000"}, 0.5),
        ("/", {"cpu.max": "max 100000"}, None),
        ("/", {}, None),
        ("/pod/app", {"pod/app/cpu.max": "400000 100000", "pod/cpu.max": "200000 100000"}, 2.0),
        ("/pod/app", {"pod/app/cpu.max": "200000 100000", "pod/cpu.max": "400000 100000"}, 2.0),
        ("/pod/app", {"pod/app/cpu.max": "max 100000", "cpu.max": "300000 100000"}, 3.0),
        ("/pod/app", {"pod/app/cpu.max": "300000 100000", "other/cpu.max": "100000 100000"}, 3.0),
        ("/gone", {"cpu.max": "200000 100000"}, 2.0),
        ("/", {"cpu.max": "many 100000"}, None),
        ("/", {"cpu.max": "100000 0"}, None),
        ("/", {"cpu.max": ""}, None),
    ],
)
def test_the_smallest_quota_on_the_way_up_counts(
    tmp_path: Path, group: str, files: dict[str, str], quota: float | None
) -> None:
    """Version 2: the smallest quota of the group and its parents; an unreadable one is ignored."""
    assert cpu_quota(tree(tmp_path, groups=[f"0::{group}"], mounts=[V2], files=files)) == quota


@pytest.mark.parametrize(
    ("top", "group", "quota"),
    [
        ("/docker/1", "/docker/1", 2.0),
        ("/docker/1", "/docker/1/app", 1.0),
        ("/docker/1", "/docker/2", None),
        ("/", "/../2", None),
    ],
)
def test_a_mount_may_begin_below_the_top(tmp_path: Path, top: str, group: str, quota: float | None) -> None:
    """As in a container without a namespace of its own: its group's files are at the mount itself."""
    mount = V2.replace(" / /sys", f" {top} /sys")
    files = {"cpu.max": "200000 100000", "app/cpu.max": "100000 100000"}
    assert cpu_quota(tree(tmp_path, groups=[f"0::{group}"], mounts=[mount], files=files)) == quota


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        (v1("cpu,cpuacct/a/b", -1), None),
        (v1("cpu,cpuacct/a/b", 150_000), 1.5),
        (v1("cpu,cpuacct/a/b", 10_000, 20_000), 0.5),
        (v1("cpu,cpuacct/a/b", -1) | v1("cpu,cpuacct/a", 300_000) | v1("cpu,cpuacct", -1), 3.0),
        (v1("cpuset/a/b", 100_000), None),
    ],
)
def test_version_1_has_a_hierarchy_for_cpu_time(
    tmp_path: Path, files: dict[str, str], quota: float | None
) -> None:
    """Beside those for other things, and beside one of version 2 that has none."""
    groups = ["5:cpuset:/a/b", "4:cpu,cpuacct:/a/b", "1:name=systemd:/a", "0::/a", "broken"]
    unified = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    assert cpu_quota(tree(tmp_path, groups=groups, mounts=[V1, unified], files=files)) == quota


def test_a_system_without_groups_has_no_quota(tmp_path: Path) -> None:
    """Nor does a system that hides control groups."""
    assert cpu_quota(tmp_path) is None


def _groups_folder() -> Path | None:
    """Where this process's group for CPU time is mounted, if that is where it is everywhere."""
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    for folder, name in (("/sys/fs/cgroup/cpu", "cpu"), ("/sys/fs/cgroup", "")):
        found = Path(folder + groups.get(name, "/nowhere"))
        if found.is_dir():
            return found
    return None


@pytest.fixture
def group() -> Iterator[Path]:
    """A new group with a quota of one CPU core, to run processes in."""
    within = _groups_folder() if sys.platform == "linux" else None
    if within is None:
        pytest.skip("this system has no control groups, or has them elsewhere")
    folder = within / f"timeseries-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if (folder / "cpu.max").exists():
            (folder / "cpu.max").write_text("100000 100000")
        elif (folder / "cpu.cfs_quota_us").exists():
            (folder / "cpu.cfs_quota_us").write_text("100000")
        else:
            pytest.skip("a new control group has no CPU quota here")
        yield folder
    finally:
        folder.rmdir()


SEEN = """
from app.system.cgroup import cpu_quota
from app.system.affinity import available, engine_threads, resolve_workers, usable_here
quota = cpu_quota()
print(quota, resolve_workers("auto"), usable_here(workers=1), engine_threads(0, workers=1))
"""


def test_a_process_in_a_real_group_keeps_to_its_quota(group: Path) -> None:
    """One worker and one thread, on any number of cores."""
    enter = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'
    command = ["sh", "-c", enter, "sh", str(group), sys.executable, "-c", SEEN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "cgroup.procs" in done.stderr:
        pytest.skip(f"no process can be put into a control group here: {done.stderr}")
    threads = 1 if len(os.sched_getaffinity(0)) > 1 else 0
    assert done.stdout.split() == ["1.0", "1", "1", str(threads)]
