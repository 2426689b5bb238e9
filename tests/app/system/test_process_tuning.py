"""`app.system.process_tuning`, in separate processes, because it changes its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

on_linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")

TUNED = """
import gc, weakref
from app.system.process_tuning import tune_interpreter

class Thing:
    pass

tune_interpreter()
generations = []
gc.callbacks.append(lambda phase, about: generations.append(about["generation"]))
"""


def run_settled(script: str, root: Path) -> str:
    """The output of a script in a tuned process."""
    command = [sys.executable, "-c", TUNED + script]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_a_flood_of_connections_sets_off_no_full_collection(root: Path) -> None:
    """With as many objects as 10,000 connections have, only young ones are visited."""
    script = "stays = [[] for _ in range(600_000)]\nprint(1 in generations, 2 in generations)"
    assert run_settled(script, root) == "True False"


def test_what_dies_young_in_a_circle_is_freed(root: Path) -> None:
    """Memory does not grow."""
    script = """
thing = Thing()
thing.itself = thing
alive = weakref.ref(thing)
del thing
stays = [[] for _ in range(10_000)]
print(alive())
"""
    assert run_settled(script, root) == "None"


def test_full_collections_come_in_the_end(root: Path) -> None:
    """An old reference cycle is freed, too, though late."""
    script = """
thing = Thing()
thing.itself = thing
gc.collect(1)
alive = weakref.ref(thing)
del thing
gc.set_threshold(1, 1, gc.get_threshold()[2])
stays = []
while alive() is not None:
    stays.append([])
print(2 in generations)
"""
    assert run_settled(script, root) == "True"


@on_linux
def test_free_memory_goes_back_to_the_system(root: Path) -> None:
    """Freed memory between live objects is no longer resident."""
    script = """
import ctypes
import numpy as np
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
allocate = ctypes.CDLL(None).malloc
allocate.restype = ctypes.c_void_p
free = ctypes.CDLL(None).free
free.argtypes = [ctypes.c_void_p]
# Too small for a mapping of their own; the last one keeps the end of the heap where it is.
places = [allocate(100_000) for _ in range(500)]
for place in places:
    ctypes.memset(ctypes.c_void_p(place), 1, 100_000)
for place in places[:-1]:
    free(place)
before = resident()
tune_interpreter()
print(before - resident() > 20_000_000)
"""
    assert run_settled(script, root) == "True"
