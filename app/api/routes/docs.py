"""The interactive documentation: a page with files of this server alone."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.routing import Mount

from app.api.page import FOLDER
from app.api.page.files import Files, package_folder

DOCS = "/docs"
# The files of Swagger UI: also under the names that they had before these were immutable.
FILES = "/static-offline-docs"
_SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png", "theme.js")


def create_router(*, title: str, openapi: str, root_path: str = "") -> APIRouter:
    """`/docs` and its files.

    Args:
        title: of the page.
        openapi: path of the document that the page shows.
        root_path: path under which a proxy serves the app; empty without one.
    """
    router = APIRouter(include_in_schema=False)
    swagger = package_folder("fastapi_offline", "fastapi-offline") / "static"
    files = Files([FOLDER / "docs", swagger], _SWAGGER)
    content = _page(title, f"{root_path}{openapi}", f"{root_path}{FILES}/{files.digest}")
    headers = {"Content-Security-Policy": _policy(content)}

    @router.get(DOCS)
    async def docs() -> Response:
        """Swagger UI."""
        return Response(content, media_type="text/html", headers=headers)

    router.routes.append(Mount(FILES, app=files))
    return router


def _page(title: str, openapi: str, files: str) -> bytes:
    """The page of Swagger UI, with a language, and with a theme before its first frame."""
    page = get_swagger_ui_html(
        openapi_url=openapi,
        title=title,
        swagger_js_url=f"{files}/swagger-ui-bundle.js",
        swagger_css_url=f"{files}/swagger-ui.css",
        swagger_favicon_url=f"{files}/favicon.png",
    )
    theme = f'<meta name="color-scheme" content="light dark">\n<script src="{files}/theme.js"></script>'
    head = f"<head>\n{theme}"
    text = bytes(page.body).decode()
    return text.replace("<html>", '<html lang="en">', 1).replace("<head>", head, 1).encode()


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
