"""The interactive documentation: a page of this server's own files, which may ask no other server."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html

DOCS = "/docs"
# Where fastapi_offline puts the page's files.
FILES = "/static-offline-docs"


def create_router(*, title: str, openapi: str) -> APIRouter:
    """`/docs`.

    Args:
        title: of the page.
        openapi: path of the document that the page shows.
    """
    router = APIRouter(include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url=openapi,
        title=title,
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
    content = bytes(page.body)
    headers = {"Content-Security-Policy": _policy(content)}

    @router.get(DOCS)
    async def docs() -> Response:
        """Swagger UI."""
        return Response(content, media_type="text/html", headers=headers)

    return router


def _policy(page: bytes) -> str:
    """What a browser lets the page do. The script that is written in it is let in by its digest."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = " ".join(f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in scripts)
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {digests}",
            "style-src 'self' 'unsafe-inline'",  # Swagger UI writes styles into its elements
            "img-src 'self' data:",  # and its style sheet has its icons in it
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
