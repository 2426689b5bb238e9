"""The interactive documentation: a page with files of this server alone."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import RedirectResponse

DOCS = "/docs"
# Where fastapi_offline puts the page's files.
FILES = "/static-offline-docs"


def create_router(*, title: str, openapi: str, root_path: str = "") -> APIRouter:
    """`/docs`, and `/`, which redirects to it.

    Args:
        title: of the page.
        openapi: path of the document that the page shows.
        root_path: path under which a proxy serves the app; empty without one.
    """
    router = APIRouter(include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url=f"{root_path}{openapi}",
        title=title,
        swagger_js_url=f"{root_path}{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{root_path}{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{root_path}{FILES}/favicon.png",
    )
    content = bytes(page.body)
    headers = {"Content-Security-Policy": _policy(content)}

    @router.get(DOCS)
    async def docs() -> Response:
        """Swagger UI."""
        return Response(content, media_type="text/html", headers=headers)

    @router.get("/")
    async def home() -> RedirectResponse:
        """Redirect to the documentation."""
        return RedirectResponse(f"{root_path}{DOCS}")  # without a host: a proxy has its own

    return router


def _policy(page: bytes) -> str:
    """The Content-Security-Policy of the page. Its inline script is allowed by its digest."""
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
