"""The errors of the training job. Each message is one line: what is wrong, where, and what to do."""

from __future__ import annotations


class TrainingError(Exception):
    """Base class of the job's errors; `str(error)` is one line for the user."""


class DataError(TrainingError):
    """A data file is missing, truncated, altered, or unusable for training."""


class ConfigError(TrainingError):
    """An option or a configuration file is invalid, or differs from the run to continue."""


class SealError(TrainingError):
    """The sealed model does not give its golden answers, or cannot be opened; nothing was published."""


class StorageError(TrainingError):
    """A file or folder cannot be written: disk full, read-only, over a limit, or missing."""


class LockHeld(TrainingError):
    """Another process uses the folder."""


class OutputError(TrainingError):
    """Standard output is closed, or its disk is full."""
