"""The error that callers get when a call of the engine fails."""

from __future__ import annotations

from app.errors import EngineError


def engine_error(cause: BaseException) -> EngineError:
    """A new error for each entry: a shared one would collect the traceback of each that raises it."""
    known = isinstance(cause, EngineError)
    error = EngineError(str(cause) if known else f"the engine failed on this batch ({type(cause).__name__})")
    error.__cause__ = cause
    return error
