"""How many files, and so connections, a process may have open."""

from __future__ import annotations

import resource

# What a process opens besides connections that are counted.
SPARE = 1000


def raise_descriptor_limit() -> int:
    """Raise the limit to what is allowed, for this process and those that it starts; what it is then."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
