"""The command `health`: checks whether the server on this machine is ready, for a container's health check.

It runs every few seconds on the server's own cores, so it imports little: settings and an HTTP client would
cost ten times as much as the check.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys

from app.system.address import from_environment, local_address

TIMEOUT_SECONDS = 2.0
# The response may be another server's: so much of it is printed.
_MAX_PRINTED_BYTES = 1000


def health() -> int:
    """0 if the server on `HOST` and `PORT` is ready; otherwise 1, and one line on standard error."""
    host, port = from_environment(os.environ)
    try:
        reason = _reason(host, int(port))
    except (OSError, OverflowError, ValueError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
    if not reason:
        return 0
    # The response may be another server's page of many lines.
    line = " ".join(f"HOST={host}, PORT={port}: /readyz: {reason}".split())
    sys.stderr.write(f"{line}\n")
    return 1


def _reason(host: str, port: int) -> str:
    """Why the server is not ready; empty if it is."""
    if port == 0:
        return "the system chooses the port; set PORT to the port in the server's log"
    if port not in range(1, 65536):
        return "not a port; set PORT to a number from 1 to 65535"
    address = local_address(host, port)
    # Connect to the address that the server binds: http.client would try all addresses of a name.
    connection = http.client.HTTPConnection("localhost", port)
    connection.sock = socket.socket(address.family)
    with connection.sock:
        connection.sock.settimeout(TIMEOUT_SECONDS)
        connection.sock.connect(address.value)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        if response.status == http.client.OK:
            return ""
        content = response.read(_MAX_PRINTED_BYTES).decode(errors="replace")
        return f"{response.status} {content}"
