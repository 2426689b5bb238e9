"""What stops one server from being measured, or the whole command."""

from __future__ import annotations


class PeerError(Exception):
    """This server cannot be measured; the message, one line, says why. The others go on."""


class HarnessError(Exception):
    """Nothing can be measured; the message, one line, says what to do."""
