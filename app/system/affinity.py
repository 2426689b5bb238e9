"""The CPU cores that each of several workers is pinned to, so that no two share one while another is idle.

A worker with a core of its own needs no second thread for the engine: its event loop computes
(`INLINE_BATCH_ROWS`) and finds its data in that core's caches. Otherwise the system moves workers and their
threads between all cores.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import Literal

from app.system.cgroup import cpu_quota

# Of one supervisor.
MAX_WORKERS = 256

log = logging.getLogger(__name__)


def share(processors: Collection[int], *, number: int, workers: int) -> set[int]:
    """The processors of one of several workers: as many for each, next to each other as caches often are.

    Args:
        processors: to be shared out, by their numbers.
        number: of the worker, from 1.
        workers: how many there are.

    Returns:
        Those that only this worker has, and those that are left over, which all have; all of them where there
        are fewer than workers.
    """
    ascending = sorted(processors)
    each = len(ascending) // workers
    if each == 0:
        return set(ascending)
    return {*ascending[(number - 1) * each : number * each], *ascending[workers * each :]}


def available() -> Collection[int]:
    """The numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def usable(affinity: int, quota: float | None, *, workers: int) -> int:
    """How many processors' time one of several workers may use; at least 1.

    A quota's fraction is left out: two threads under a quota of 1.5 that both run use it up after three
    quarters of each period, and the worker stands still for the rest. One thread never does.

    Args:
        affinity: on how many processors it may run.
        quota: of all workers together; None if there is none.
        workers: how many share it.
    """
    return affinity if quota is None else min(affinity, max(1, int(quota / workers)))


def usable_here(*, workers: int) -> int:
    """How many processors' time this process may use, as one of several workers."""
    return usable(len(available()), cpu_quota(), workers=workers)


def engine_threads(threads: int, *, workers: int) -> int:
    """How many threads are to compute a batch.

    Args:
        threads: as ENGINE_THREADS says; 0 lets the runtime choose.
        workers: how many share the CPU quota.

    Returns:
        The same, or the quota's number of threads where that is less than the processors by affinity, which
        runtimes go by.
    """
    here = usable_here(workers=workers)
    return here if threads == 0 and here < len(available()) else threads


def resolve_workers(workers: int | Literal["auto"]) -> int:
    """How many workers WORKERS stands for: `auto` is one for each processor that may be used."""
    if workers != "auto":
        return workers
    affinity, quota = len(available()), cpu_quota()
    count = min(usable(affinity, quota, workers=1), MAX_WORKERS)
    told = "none" if quota is None else f"{quota:g}"
    log.info("WORKERS=auto: %d workers (processors by affinity: %d, CPU quota: %s)", count, affinity, told)
    return count


def pin_to_share(*, number: int, workers: int) -> None:
    """Run this process, and whatever threads it starts from now on, on its share of its processors alone.

    Where the system does not let it, it is as it was, with a warning; where it knows no such thing, without.

    Args:
        number: of the worker, from 1.
        workers: how many there are.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    mine = share(available(), number=number, workers=workers)
    try:
        os.sched_setaffinity(0, mine)
    except OSError as error:
        log.warning("worker %d is not kept to processors %s: %s", number, sorted(mine), error)
