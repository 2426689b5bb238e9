"""Machine and versions of a run, for reproducing it."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.plan import Plan

FOLDERS = ("--cache", "--out", "--artifact")


def describe(plan: Plan, *, wrk: str) -> dict[str, str]:
    """The command, the machine, the time, the model and the tools, each in a line."""
    return {
        **command_and_machine(["python -m benchmarks.peers", *without_folders(sys.argv[1:])]),
        "model": f"{plan.model.parent.name}/{plan.model.name}, the sealed OpenVINO graph behind all but the "
        "naive, one thread a worker, f32, graphs for 1, 4, 16 and 32 rows",
        "tools": f"{wrk} with one thread, and `benchmarks/peers/open_loop.py`; {plan.rounds} rounds, "
        f"{plan.seconds:g} s a load after 1 s of warm-up; on the same cores as the servers, over loopback",
    }


def command_and_machine(words: list[str]) -> dict[str, str]:
    """The command of these words, this machine and the time."""
    return {
        "command": f"`{' '.join(words)}`",
        "machine": machine(),
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def without_folders(words: list[str]) -> list[str]:
    """A command's arguments without folders of this machine."""
    kept, previous = [], ""
    for word in words:
        if word.partition("=")[0] not in FOLDERS and previous not in FOLDERS:
            kept.append(word)
        previous = word
    return kept


def machine() -> str:
    """CPU model, number of cores, memory, and versions that all servers share."""
    model, cores = platform.machine(), os.cpu_count()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        model = value.strip() if key.strip() == "model name" else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    shared = ", ".join(f"{name} {version(name)}" for name in ("openvino", "numpy"))
    system = f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return f"{model}, {cores} core(s), {memory:.0f} GiB, {system}, {shared}"
