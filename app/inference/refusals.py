"""The versions that were not taken: each is logged and counted once, and remembered until it changes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from app.contract import reason_of
from app.errors import AppError

log = logging.getLogger(__name__)


class VersionsObserver(Protocol):
    """Told what becomes of versions. It must not raise."""

    def serving(self, *, model: str, version: int, engine: str) -> None:
        """A version is loaded, proven and gets the requests."""

    def retired(self, *, model: str, version: int, engine: str) -> None:
        """A version is not loaded any more."""

    def version_refused(self, *, version: str) -> None:
        """A version failed its checks; the argument is its folder's name."""


class _Refusal(NamedTuple):
    """What a folder was like when it was refused, and the reason."""

    state: object
    reason: str


class Refusals:
    """Refused version folders.

    Args:
        observer: told of each.
    """

    def __init__(self, observer: VersionsObserver) -> None:
        self._observer = observer
        self._refused: dict[Path, _Refusal] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that are refused."""
        return tuple(self._refused)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why, by the folders' names."""
        return {folder.name: refusal.reason for folder, refusal in self._refused.items()}

    def holds(self, folder: Path, state: object) -> bool:
        """Whether a folder was refused when it was in this state."""
        refusal = self._refused.get(folder)
        return refusal is not None and refusal.state == state

    def add(self, folder: Path, state: object, error: Exception, *, serving: int) -> None:
        """Refuse a folder: a line in the log, and one more in the count.

        Args:
            folder: of the version.
            state: what it is like, which differs when a file in it has changed.
            error: the reason. An `AppError` is a line for people; another is logged with its trace.
            serving: the version that serves on.
        """
        is_expected = isinstance(error, AppError)
        reason = str(error) if is_expected else f"{type(error).__name__}: {reason_of(error)}"
        told = "version %s is refused, version %d serves on: %s"
        log.error(told, folder.name, serving, reason, exc_info=None if is_expected else error)
        self._refused[folder] = _Refusal(state, reason)
        self._observer.version_refused(version=folder.name)

    def lift(self, folders: Iterable[Path]) -> None:
        """Forget the refusals of folders: of those that are taken, or that are gone."""
        for folder in folders:
            self._refused.pop(folder, None)
