"""A real Ray on this machine with the application of `deploy/ray`, and its replicas' processes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from qa.harness.process import ROOT, Process
from qa.harness.server import ServerProcess

# `make ray` installs it. Ray needs 700 MB.
ENVIRONMENT = ROOT / ".cache" / "ray"
START_SECONDS = 240.0
# A replica's entry in the output when its model has given its golden answers.
_READY = r"\(ServeReplica:\S+ pid=(\d+)\).*\bready: "
# Each entry of each process is in the output.
LOG_SETTINGS: Mapping[str, str] = {"RAY_DEDUP_LOGS": "0"}
_STOPPING = "perform_graceful_shutdown"


class RayProcess(ServerProcess):
    """`python -m deploy.ray.local`."""

    @property
    def replicas(self) -> list[int]:
        """As `replicas_of` this process."""
        return replicas_of(self)

    def wait_until_serving(self) -> None:
        """Wait until the smallest number of replicas takes requests; see `wait_until`."""
        self.wait_until(lambda: "serving on http" in self.output, seconds=START_SECONDS)

    def wait_for_replicas(self, count: int, *, without: int = 0) -> None:
        """Wait until so many replicas serve, and that of a process id is none of them; see `wait_until`."""

        def holds() -> bool:
            found = self.replicas
            return len(found) == count and without not in found

        self.wait_until(holds, f"at {count} replicas", seconds=START_SECONDS)


def replicas_of(ray: Process) -> list[int]:
    """The process ids of the replicas that serve, in the order in which they became ready.

    Args:
        ray: `command`, with `LOG_SETTINGS`.
    """
    titles = {int(pid): _title(int(pid)) for pid in re.findall(_READY, ray.output)}
    return [pid for pid, title in titles.items() if title and not title.endswith(_STOPPING)]


def command(folder: str, *arguments: str) -> list[str]:
    """The command that starts a Ray of two CPU cores.

    Args:
        folder: for Ray's files: see `short_folder`.
        arguments: of the application, as `min_replicas=2`.
    """
    python = str(ENVIRONMENT / "bin" / "python")
    return [python, "-m", "deploy.ray.local", "--cpus", "2", "--folder", folder, "--logs", *arguments]


def short_folder() -> TemporaryDirectory[str]:
    """A temporary folder for Ray's files: the paths of its sockets there may have 107 characters."""
    return TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)


def is_installed() -> bool:
    """Whether the environment is there."""
    return (ENVIRONMENT / "ready").exists()


@contextmanager
def running_ray(*arguments: str, log: Path, wait: bool = True, **settings: str) -> Iterator[RayProcess]:
    """A Ray of two CPU cores that serves (with `wait`); killed at the end, with all of its processes.

    Args:
        arguments: of the application, as `min_replicas=2`.
        log: file to which its output is appended.
        wait: until it serves.
        settings: of the replicas, and variables of Ray.

    Raises:
        NotServing: it does not serve in time.
    """
    with short_folder() as folder:
        ray = RayProcess(command(folder, *arguments), log=log, settings={**LOG_SETTINGS, **settings})
        try:
            ray.start()
            if wait:
                ray.wait_until_serving()
            yield ray
        finally:
            ray.kill()


def _title(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text().rstrip("\0 ")
    except (OSError, ValueError):  # ended meanwhile
        return ""
