"""The files in which several workers keep their metrics: who lives, and room for what is counted later."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

log = logging.getLogger(__name__)


def live_workers(folder: Path) -> list[int]:
    """The process ids of the workers that live.

    The gauges of those that are no more are dropped; their counts stay. A killed worker cannot do so itself.
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


def reserve(folder: Path) -> None:
    """Have the disk keep the room that this process' files claim to have.

    They are mapped, and have holes: a first count on a page for which a full disk has no room is no error
    that could be caught, but the end of the process.
    """
    for file in folder.glob(f"*_{os.getpid()}.db"):
        try:
            with file.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, os.fstat(stream.fileno()).st_size)
        except OSError as error:
            log.warning(
                "%s: no room for metrics (%s); if the disk stays full this worker will end", file.name, error
            )
