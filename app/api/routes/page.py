"""`GET /`: the page for people. Its files and samples are below `/page`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.routing import Mount

from app.api.dialects import Limits
from app.api.headers import accepts_html
from app.api.page import FOLDER
from app.api.page.files import Compressed, Files, package_folder
from app.api.page.samples import mean_spectra, samples_of
from app.api.routes.docs import DOCS
from app.contract import Artifact
from app.inference.versions import ModelVersions

HOME = "/"
FILES = "/page"
START = f"{FILES}/start.json"
# Paths that a browser loads before it can have a key: files, no data.
PUBLIC = rf"{FILES}/[0-9a-f]{{16}}/[a-zA-Z0-9_./-]+"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def create_router(
    versions: ModelVersions, limits: Limits, protocols: Sequence[str], *, root_path: str = ""
) -> APIRouter:
    """`/` and what is below `/page`.

    Args:
        versions: whose samples the page shows.
        limits: of requests, which the page keeps to.
        protocols: names of the wire protocols, for which the page shows calls.
        root_path: path under which a proxy serves the app; empty without one.

    Raises:
        MissingPackage: a package with files of the page is not installed.
    """
    router = APIRouter(include_in_schema=False)
    files = Files([FOLDER / "static", package_folder("uplot", "uplot-python") / "static"])
    page = Compressed(_index(files, root_path).encode(), "text/html")
    start = _Start(limits, protocols)

    @router.get(HOME)
    async def home(request: Request) -> Response:
        """The page for browsers; others are redirected to the documentation."""
        if accepts_html(request.scope["head"]):
            return page.response(request.headers, Content_Security_Policy=POLICY, Vary="Accept")
        # Without a host: a proxy has its own.
        return RedirectResponse(f"{root_path}{DOCS}", headers={"Vary": "Accept"})

    @router.get(START)
    async def page_start(request: Request) -> Response:
        """Samples, spectra and limits."""
        return await start.response(versions.current.artifact, request.headers)

    router.routes.append(Mount(FILES, app=files))
    return router


def _index(files: Files, root_path: str) -> str:
    """The page's HTML, with the addresses of its files."""
    address = f"{root_path}{FILES}/{files.digest}"
    modules = sorted(name for name, _ in files.paths() if re.fullmatch(r"scripts/.*\.js", name))
    # Without these, a browser finds each module only when it has read the one that imports it.
    preloads = "\n".join(f'<link rel="modulepreload" href="{address}/{name}">' for name in modules)
    text = (FOLDER / "static" / "index.html").read_text(encoding="utf-8")
    for name, value in (("files", address), ("root", root_path), ("preloads", preloads)):
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


class _Start:
    """The document that the page starts from, made once for each version, in a thread: it takes 20 ms.

    Args:
        limits: of requests.
        protocols: names of the wire protocols.
    """

    def __init__(self, limits: Limits, protocols: Sequence[str]) -> None:
        self._limits = limits
        self._protocols = protocols
        self._made: tuple[Artifact, Compressed] | None = None

    async def response(self, artifact: Artifact, request: Headers) -> Response:
        """The response for the version that serves."""
        made = self._made
        if made is None or made[0] is not artifact:
            made = self._made = artifact, await asyncio.to_thread(self._compressed, artifact)
        return made[1].response(request, cache="private, no-cache")

    def _compressed(self, artifact: Artifact) -> Compressed:
        document = json.dumps(self._document(artifact), separators=(",", ":"))
        return Compressed(document.encode(), "application/json")

    def _document(self, artifact: Artifact) -> dict[str, Any]:
        spectra = mean_spectra(artifact)
        return {
            "model": artifact.contract.name,
            "version": artifact.contract.version,
            "protocols": list(self._protocols),
            "limits": {
                "max_instances": self._limits.max_instances,
                "max_body_bytes": self._limits.max_body_bytes,
            },
            "samples": [
                {
                    "id": sample.id,
                    "kind": sample.kind,
                    "name": sample.name,
                    "label": sample.label,
                    "series": _shortest(sample.series.tolist()),
                }
                for sample in samples_of(artifact)
            ],
            "spectra": {
                "window": spectra.window,
                "log_power": {
                    label: [round(each, 4) for each in log_power.tolist()]
                    for label, log_power in spectra.log_power.items()
                },
            },
        }


def _shortest(values: Any) -> Any:
    """Numbers of float32 with as few digits as tell them apart."""
    if isinstance(values, list):
        return [_shortest(each) for each in values]
    return float(f"{values:.9g}")
