"""Processors for each of several workers: none of them has to share one while another stands idle.

A worker that has one to itself needs no second thread for the engine: its event loop computes (`BRIEF_ROWS`),
and finds in the caches what it left there. Left to the system, workers and their threads take turns on all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

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


def keep_to_share(*, number: int, workers: int) -> None:
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
