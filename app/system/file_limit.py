"""The limit of open file descriptors: raised to what the connections need, if the system permits."""

from __future__ import annotations

import logging
import resource

# Descriptors for everything else: the model, metrics, logs, connections that are being refused.
RESERVED = 256

log = logging.getLogger(__name__)


def raise_fd_limit(connections: int, *, listeners: int = 1) -> None:
    """Raise the soft limit of this process and its children to what the connections need; never lower it.

    If the hard limit is too low, log a warning.

    Args:
        connections: maximum number of connections; 0 raises the soft limit to the hard limit.
        listeners: number of ports with as many connections each.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections * listeners + RESERVED if connections else hard
    if _at_least(soft, needed):
        return
    enough = _at_least(hard, needed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed if enough else hard, hard))
    if not enough:
        log.warning(
            "MAX_CONNECTIONS=%d needs %d file descriptors, and the hard limit is %d: further connections "
            "fail or wait; raise the hard limit or lower MAX_CONNECTIONS",
            connections,
            needed,
            hard,
        )


def _at_least(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or (needed != resource.RLIM_INFINITY and limit >= needed)
