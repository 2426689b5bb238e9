"""Errors that stop a fault. A broken promise is a result, not an error."""

from __future__ import annotations


class ChaosError(Exception):
    """Base of these errors; `str(error)` is one line for the user."""


class CannotInject(ChaosError):
    """The fault cannot be injected on this machine, or had no effect: there is no result."""
