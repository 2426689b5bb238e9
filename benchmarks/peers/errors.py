"""Errors that stop the measurement of one server, or of all."""

from __future__ import annotations


class PeerError(Exception):
    """This server cannot be measured; the message is one line. The others are still measured."""


class HarnessError(Exception):
    """Nothing can be measured; the message is one line with the remedy."""
