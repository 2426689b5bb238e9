"""Every error the job raises on purpose: one line that says what is wrong, where, and what to do."""

from __future__ import annotations


class TrainingError(Exception):
    """Base of all errors raised on purpose. `str(error)` is one line fit for a user."""


class DataError(TrainingError):
    """A data file is missing, cut off, altered, or cannot be learnt from."""


class ConfigError(TrainingError):
    """An option or a configuration file makes no sense, or contradicts the run it would continue."""


class SealError(TrainingError):
    """The sealed model does not do what its contract would promise; nothing was published."""


class StorageError(TrainingError):
    """A file or folder cannot be written: full, read-only, over a limit, or gone."""


class LockHeld(TrainingError):
    """Another process uses the folder."""


class OutputError(TrainingError):
    """Standard output is closed, or its disk is full."""
