"""Suggestions for paths with a trailing slash or repeated slashes.

They are not redirected: a redirect would name the scheme that the server sees, which is `http` behind a proxy
that terminates TLS, and the client would send its key and its series again in clear text.
"""

from __future__ import annotations

import re

from starlette.routing import Match, Mount
from starlette.types import Scope


def normalized(path: str) -> str:
    """A path without a slash at its end and with single ones elsewhere."""
    return re.sub("/+", "/", path).rstrip("/") or "/"


def suggestion(scope: Scope) -> str | None:
    """The normalized path of a request for which no route was found; None if no route has it either."""
    path = normalized(scope["path"])
    if "endpoint" in scope or path == scope["path"]:
        return None
    # What a mount has below it is not known to the routes.
    routes = (route for route in scope["app"].routes if not isinstance(route, Mount))
    is_known = any(route.matches({**scope, "path": path})[0] is not Match.NONE for route in routes)
    return path if is_known else None
