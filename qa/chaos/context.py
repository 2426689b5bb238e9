"""Input of every fault: the artifact, the workload, a folder for logs and the duration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.contract import Artifact
from qa.chaos.workload import Workload


@dataclass(frozen=True, slots=True)
class FaultContext:
    """Input of a fault.

    Attributes:
        artifact: the served artifact.
        workload: requests with known responses.
        folder: for logs and other files; empty at first.
        quick: run a shorter version.
        minutes: duration of the soak.
    """

    artifact: Artifact
    workload: Workload
    folder: Path
    quick: bool = False
    minutes: float = 30.0

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.folder / f"{name}.log"

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a server that serves the artifact."""
        return {
            "ARTIFACT": str(self.artifact.folder.absolute()),
            "ENGINE": "openvino",
            "LOG_FORMAT": "text",
            "WORKERS": "1",
        }
