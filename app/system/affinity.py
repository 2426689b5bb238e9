"""Pins each of several workers to its own CPU cores, so that no two share a core while another is idle.

A worker with its own core needs no second thread for the engine: its event loop computes small batches
(`INLINE_BATCH_ROWS`) and finds its data in that core's caches. Without pinning, the system moves workers and
their threads between all cores.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import Literal

from app.system.cgroup import cpu_quota

# Maximum of one supervisor.
MAX_WORKERS = 256

log = logging.getLogger(__name__)


def cores_of_worker(cores: Collection[int], *, number: int, workers: int) -> set[int]:
    """The CPU cores of one of several workers: adjacent ones, because these often share caches.

    Args:
        cores: numbers of all usable cores.
        number: of the worker, from 1.
        workers: number of workers.

    Returns:
        The worker's own cores, and the remainder that all workers share; all cores if there are fewer cores
        than workers.
    """
    ascending = sorted(cores)
    each = len(ascending) // workers
    if each == 0:
        return set(ascending)
    return {*ascending[(number - 1) * each : number * each], *ascending[workers * each :]}


def available() -> Collection[int]:
    """The numbers of the CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def usable(affinity: int, quota: float | None, *, workers: int) -> int:
    """Number of CPU cores that one of several workers may use, at least 1.

    The fraction of a quota is dropped: with a quota of 1.5, two busy threads use it up after three quarters
    of each period, and the worker is stopped for the rest. One thread is never stopped.

    Args:
        affinity: number of cores that the worker may run on.
        quota: CPU quota of all workers together, in cores; None without one.
        workers: number of workers that share the quota.
    """
    return affinity if quota is None else min(affinity, max(1, int(quota / workers)))


def usable_here(*, workers: int) -> int:
    """Number of CPU cores that this process may use, as one of several workers."""
    return usable(len(available()), cpu_quota(), workers=workers)


def engine_threads(threads: int, *, workers: int) -> int:
    """Number of threads that compute a batch.

    Args:
        threads: ENGINE_THREADS; 0 means the runtime's default.
        workers: number of workers that share the CPU quota.

    Returns:
        The same number. But for 0, the CPU quota in cores, if that is less than the number of cores by
        affinity, which is the runtime's default.
    """
    here = usable_here(workers=workers)
    return here if threads == 0 and here < len(available()) else threads


def resolve_workers(workers: int | Literal["auto"]) -> int:
    """The number of workers that WORKERS means: `auto` is one per usable CPU core."""
    if workers != "auto":
        return workers
    affinity, quota = len(available()), cpu_quota()
    count = min(usable(affinity, quota, workers=1), MAX_WORKERS)
    limit = "none" if quota is None else f"{quota:g}"
    log.info("WORKERS=auto: %d workers (CPU cores by affinity: %d, CPU quota: %s)", count, affinity, limit)
    return count


def pin_worker(*, number: int, workers: int) -> None:
    """Pin this process, and the threads that it starts from now on, to its own CPU cores.

    If the system does not permit it, log a warning and go on; on a system without CPU affinity, do nothing.

    Args:
        number: of the worker, from 1.
        workers: number of workers.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    mine = cores_of_worker(available(), number=number, workers=workers)
    try:
        os.sched_setaffinity(0, mine)
    except OSError as error:
        log.warning("worker %d cannot be pinned to CPU cores %s: %s", number, sorted(mine), error)
