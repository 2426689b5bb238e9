"""The metric files of several workers: which workers are alive, and disk space for later counts."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

log = logging.getLogger(__name__)


def live_workers(folder: Path) -> list[int]:
    """The process ids of the live workers.

    Deletes the gauges of dead workers and keeps their counters: a killed worker cannot do this itself.
    """
    live = []
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
        else:
            live.append(pid)
    return sorted(live)


def reserve_disk_space(folder: Path) -> None:
    """Allocate disk blocks for all of this process' metric files.

    The files are sparse and memory-mapped: if the disk is full, the first count on an unallocated page kills
    the process with SIGBUS, which cannot be caught.
    """
    for file in folder.glob(f"*_{os.getpid()}.db"):
        try:
            with file.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, os.fstat(stream.fileno()).st_size)
        except OSError as error:
            log.warning(
                "%s: no disk space for metrics (%s); free some, or this worker may crash", file.name, error
            )
