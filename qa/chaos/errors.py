"""What keeps a fault from being tried to its end. A promise that was broken is no error: it is a result."""

from __future__ import annotations


class ChaosError(Exception):
    """Base of all errors raised on purpose. `str(error)` is one line for whoever runs the command."""


class CannotInject(ChaosError):
    """This machine does not allow a fault, or it did not come about: nothing was shown."""
