"""Asks the server on this machine whether it is ready: what a container's health check runs.

It runs every few seconds beside the server and on the same cores, so it imports next to nothing: settings
and an HTTP client would cost ten times as much as the question.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys

from app.system.address import from_environment, local_address

TIMEOUT_SECONDS = 2.0
# Of an answer that is not the server's own, perhaps: enough to see whose.
_SHOWN_BYTES = 1000


def health() -> int:
    """0 if the server on `HOST` and `PORT` says that it is ready, else 1 and one line on standard error."""
    host, port = from_environment(os.environ)
    try:
        reason = _reason(host, int(port))
    except (OSError, OverflowError, ValueError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
    if not reason:
        return 0
    # What answers there may be another server, with a page of many lines.
    line = " ".join(f"HOST={host}, PORT={port}: /readyz: {reason}".split())
    sys.stderr.write(f"{line}\n")
    return 1


def _reason(host: str, port: int) -> str:
    """Why the server is not ready; empty if it is."""
    if port == 0:
        return "the system picks the port, and only the server's log has it: set PORT to that"
    if port not in range(1, 65536):
        return "a port is at most 65535"
    address = local_address(host, port)
    # Connected here, to what the server binds: http.client would try all addresses of a name.
    connection = http.client.HTTPConnection("localhost", port)
    connection.sock = socket.socket(address.family)
    with connection.sock:
        connection.sock.settimeout(TIMEOUT_SECONDS)
        connection.sock.connect(address.value)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        if response.status == http.client.OK:
            return ""
        answer = response.read(_SHOWN_BYTES).decode(errors="replace")
        return f"{response.status} {answer}"
