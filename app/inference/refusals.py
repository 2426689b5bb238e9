"""Refused versions: each is logged and counted once, and kept until its folder changes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from app.contract import reason_of
from app.errors import AppError

log = logging.getLogger(__name__)


class VersionsObserver(Protocol):
    """Receives the events of versions. It must not raise."""

    def serving(self, *, model: str, version: int, engine: str) -> None:
        """A version is loaded, verified and serves."""

    def retired(self, *, model: str, version: int, engine: str) -> None:
        """A version was unloaded."""

    def version_refused(self, *, version: str) -> None:
        """A version failed its checks; the argument is its folder's name."""


class _Refusal(NamedTuple):
    """The state of a folder when it was refused, and the reason."""

    state: object
    reason: str


class Refusals:
    """Refused version folders.

    Args:
        observer: receives an event for each.
    """

    def __init__(self, observer: VersionsObserver) -> None:
        self._observer = observer
        self._refused: dict[Path, _Refusal] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """The refused folders."""
        return tuple(self._refused)

    @property
    def reasons(self) -> Mapping[str, str]:
        """The reasons, by folder name."""
        return {folder.name: refusal.reason for folder, refusal in self._refused.items()}

    def contains(self, folder: Path, state: object) -> bool:
        """Whether a folder was refused in this state."""
        refusal = self._refused.get(folder)
        return refusal is not None and refusal.state == state

    def add(self, folder: Path, state: object, error: Exception, *, serving: int) -> None:
        """Refuse a folder: log the reason and count it.

        Args:
            folder: of the version.
            state: compares unequal after a file in the folder has changed.
            error: the reason. An `AppError` is logged as one line, any other with its traceback.
            serving: the version that keeps serving.
        """
        is_expected = isinstance(error, AppError)
        reason = str(error) if is_expected else f"{type(error).__name__}: {reason_of(error)}"
        message = "version %s is refused, version %d keeps serving: %s"
        log.error(message, folder.name, serving, reason, exc_info=None if is_expected else error)
        self._refused[folder] = _Refusal(state, reason)
        self._observer.version_refused(version=folder.name)

    def clear(self, folders: Iterable[Path]) -> None:
        """Forget the refusals of folders that are served now or were deleted."""
        for folder in folders:
            self._refused.pop(folder, None)
