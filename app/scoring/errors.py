"""Errors of scoring jobs."""

from __future__ import annotations

from app.errors import AppError


class ScoringError(AppError):
    """A job cannot be started or continued: its inputs, its output, or one of its processes."""
