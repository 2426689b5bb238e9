"""`python -m deploy.ray.score --tasks N -- --input … --output URL`: `score` on the machines of a Ray cluster.

Each task runs the same command, `timeseries-server score` with the arguments behind `--`. The tasks know
nothing of each other: they share the job through leases in the output, which is a store or a folder that all
machines have. Ray starts a task again that dies, and the others take its work over meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from app.cli.exit_codes import FAILED, INCOMPLETE, OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tasks; the exit code is that of `score` for the whole job."""
    given = _options(arguments)
    import ray

    ray.init(log_to_driver=True)  # the cluster of RAY_ADDRESS, or a Ray of this machine alone
    try:
        task = ray.remote(score).options(num_cpus=given.cpus, max_retries=-1)
        codes = ray.get([task.remote(given.arguments, given.cpus) for _ in range(given.tasks)])
    finally:
        ray.shutdown()
    return exit_code(codes)


def score(arguments: Sequence[str], cpus: int) -> int:
    """Run the command with a process for each CPU core of the task; the exit code."""
    command = [sys.executable, "-m", "app", "score", *arguments, "--processes", str(cpus)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own command


def exit_code(codes: Sequence[int]) -> int:
    """Any task that has ended well has seen the whole job complete."""
    return next((code for code in (OK, INCOMPLETE) if code in codes), FAILED)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.ray.score", description=__doc__)
    parser.add_argument("--tasks", type=int, required=True, help="tasks at a time")
    parser.add_argument("--cpus", type=int, default=1, help="CPU cores, and processes, of a task; default 1")
    parser.add_argument("arguments", nargs="+", help="of `score`, behind `--`; --processes is added")
    given = parser.parse_args(arguments)
    if given.tasks < 1 or given.cpus < 1:
        parser.error("--tasks and --cpus must be at least 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
