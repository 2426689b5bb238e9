"""Errors that stop the measurement of one server, or of all."""

from __future__ import annotations


class PeerError(Exception):
    """This server cannot be measured; one line says why. The others are still measured."""


class HarnessError(Exception):
    """Nothing can be measured; one line says what to do."""
