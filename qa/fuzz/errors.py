"""Errors of the fuzzing itself, as opposed to findings."""


class HarnessError(Exception):
    """The fuzzing cannot run; `str(error)` is one line."""
