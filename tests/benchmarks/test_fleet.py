"""Replicas of benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.fleet import throttled
from benchmarks.peers.processes import Launch, running
from qa.harness.process import wait_until


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_throttled_replica_is_stopped_again_and_again_and_runs_in_the_end(tmp_path: Path) -> None:
    """As a process with a CPU quota."""
    with running(
        Launch([sys.executable, "-c", "import signal; signal.pause()"]), log=tmp_path / "log"
    ) as replica:
        stat = Path(f"/proc/{replica.pid}/stat")

        def is_stopped() -> bool:
            return stat.read_text().rpartition(")")[2].split()[0] == "T"

        with throttled(replica, share=0.5):
            for _ in range(2):
                wait_until(is_stopped)
                wait_until(lambda: not is_stopped())
        assert not is_stopped()
