"""What every fault is given: the model and what to ask it, a folder for logs, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.contract import Artifact
from qa.chaos.questions import Book


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a fault is tried.

    Attributes:
        artifact: that is served.
        book: what is asked of it.
        folder: for logs and whatever else is written; empty at first.
        quick: shorter, to see that all of it works.
        minutes: of the soak.
    """

    artifact: Artifact
    book: Book
    folder: Path
    quick: bool = False
    minutes: float = 30.0

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.folder / f"{name}.log"

    @property
    def serves(self) -> dict[str, str]:
        """The settings of a server of this stage's artifact."""
        return {
            "ARTIFACT": str(self.artifact.folder.absolute()),
            "ENGINE": "openvino",
            "LOG_FORMAT": "text",
            "WORKERS": "1",
        }
