"""The faults, one file each: each injects itself and returns a finding."""

from collections.abc import Awaitable, Callable, Mapping

from qa.chaos.context import FaultContext
from qa.chaos.faults import (
    bad_connections,
    clock_jumps,
    deleted_artifact,
    full_disk,
    full_queue,
    killed_replica,
    killed_worker,
    rolling_restart,
    soak,
    stopped_worker,
    version_swaps,
)
from qa.chaos.finding import Finding

Fault = Callable[[FaultContext], Awaitable[Finding]]

# In the order of the report; the longest comes last.
FAULTS: Mapping[str, Fault] = {
    killed_replica.NAME: killed_replica.inject,
    rolling_restart.NAME: rolling_restart.inject,
    killed_worker.NAME: killed_worker.inject,
    stopped_worker.NAME: stopped_worker.inject,
    full_queue.NAME: full_queue.inject,
    bad_connections.NAME: bad_connections.inject,
    deleted_artifact.NAME: deleted_artifact.inject,
    full_disk.NAME: full_disk.inject,
    clock_jumps.NAME: clock_jumps.inject,
    version_swaps.NAME: version_swaps.inject,
    version_swaps.SHARED_NAME: version_swaps.inject_shared,
    soak.NAME: soak.inject,
}
