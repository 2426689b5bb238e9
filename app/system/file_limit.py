"""File descriptors: as many as the connections need, as far as the system lets the process have them."""

from __future__ import annotations

import logging
import resource

# For what is no connection: the model, metrics, logs, connections that are being turned away.
RESERVED = 256

log = logging.getLogger(__name__)


def raise_fd_limit(connections: int) -> None:
    """Raise the soft limit of this process, and of those that it starts, to what so many connections need.

    It is never lowered. Where the hard limit is too low, there is a warning.

    Args:
        connections: at once; 0 for as many as there can be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + RESERVED if connections else hard
    if _at_least(soft, needed):
        return
    enough = _at_least(hard, needed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed if enough else hard, hard))
    if not enough:
        log.warning(
            "MAX_CONNECTIONS %d needs %d file descriptors, and the hard limit is %d: past that, connections "
            "are cut or wait; raise the limit, or lower MAX_CONNECTIONS",
            connections,
            needed,
            hard,
        )


def _at_least(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or (needed != resource.RLIM_INFINITY and limit >= needed)
