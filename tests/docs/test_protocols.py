"""docs/protocols.md is true: its routes and statuses are those of the server, and its keys are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from app.api import problems
from app.api.dialects import all_dialects
from app.api.middleware.api_keys import line_of, new_key
from app.api.problem_kinds import FRAMEWORK, INTERNAL, KINDS, Kind
from app.api.problems import ErrorInfo
from app.contract import Artifact
from qa.harness.http_client import HttpClient
from qa.harness.messages import head
from tests.app.api.served import served
from tests.docs.pages import Page

PAGE = Page("docs/protocols.md")
PARAMETERS = {"name": "forda", "version": "3", "label": "stable", "method": "predict", "slug": "contract"}


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, a list of cells each."""
    text = PAGE.text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


# Each route of HTTP, and what the table says of it.
ROUTES = [
    (route, without_a_key.startswith("yes"))
    for protocol, cell, without_a_key in rows("Routes, and which need a key")
    if protocol != "gRPC"
    for route in re.findall(r"`([A-Z]+ /[^`]*)`", cell)
]


def routes_of(routers: Iterable[Any]) -> Iterator[str]:
    """The methods and templates of routes, those of included routers too."""
    for route in routers:
        if isinstance(route, Route):
            yield from (f"{method} {route.path}" for method in route.methods or () if method != "HEAD")
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router.routes)


def test_every_route_is_in_the_table(plain_artifact: Artifact) -> None:
    """And no other."""
    with served(plain_artifact) as running:
        found = {re.sub(r":path\}", "}", route) for route in routes_of(running.app.routes)}
    assert found == {route for route, _ in ROUTES}


def test_a_key_is_required_where_the_table_says(plain_artifact: Artifact, tmp_path: Path) -> None:
    """And nowhere else; with a key nothing is refused for want of one."""
    key, keys = new_key(), tmp_path / "keys"
    keys.write_text(line_of("caller", key))
    with served(plain_artifact, api_keys_file=keys) as running:
        for route, is_open in ROUTES:
            method, _, template = route.partition(" ")
            target = re.sub(r"\{(\w+)\}", lambda match: PARAMETERS[match[1]], template)
            for headers in ([], [("X-API-Key", key)]):
                with HttpClient(running.url) as client:
                    answer = client.ask(head(method, target, [("Content-Length", "0"), *headers]))
                assert (answer.status == 401) == (not is_open and not headers), (
                    route,
                    headers,
                    answer.status,
                )


def test_protected_routes_want_a_key(plain_artifact: Artifact, tmp_path: Path) -> None:
    """`/` too, but not for those who ask for liveness there."""
    keys = tmp_path / "keys"
    keys.write_text(line_of("caller", new_key()))
    with served(plain_artifact, api_keys_file=keys, protected_routes=("/", "metrics")) as running:
        statuses = {}
        for target, accept in (("/", "text/html"), ("/", "*/*"), ("/metrics", "*/*")):
            with HttpClient(running.url) as client:
                statuses[target, accept] = client.ask(head("GET", target, [("Accept", accept)])).status
    assert statuses == {("/", "text/html"): 401, ("/", "*/*"): 200, ("/metrics", "*/*"): 401}


ALL = {kind.slug: kind for kind in (*KINDS.values(), *FRAMEWORK.values(), INTERNAL)}
STATUSES = [(cells[0].strip("`"), *cells[1:]) for cells in rows("Errors")]


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: row[0])
def test_a_cause_has_the_status_of_the_table_in_every_protocol(row: tuple[str, ...]) -> None:
    """And V1 and V2 have their own form."""
    slug, *expected = row
    info = _info(ALL[slug])
    by_name = {dialect.name: dialect for dialect in all_dialects()}
    for name, status in zip(("native", "v2", "v1"), expected, strict=False):
        answer = by_name[name].encode_error(info, request_id="mine", root_path="")
        assert answer.status == int(status), name
        media_type = dict(answer.headers)[b"content-type"].decode()
        assert media_type == (problems.MEDIA_TYPE if name == "native" else "application/json")


def _info(kind: Kind) -> ErrorInfo:
    return ErrorInfo(kind, "words")


def test_every_kind_of_problem_is_in_the_table() -> None:
    """But for those that have no meaning for a client, or that V1 and V2 alone have."""
    listed = {slug for slug, *_ in STATUSES}
    assert listed <= set(ALL)
    assert set(ALL) - listed <= {"cancelled", "forbidden", "not-offered"}


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: row[0])
def test_a_cause_has_the_status_of_the_table_over_grpc(row: tuple[str, ...]) -> None:
    """An unknown method is the library's own UNIMPLEMENTED."""
    code_of = pytest.importorskip("app.grpc.status").code_of
    slug, *_, expected = row
    if slug not in ("not-found", "method"):
        assert code_of(_info(ALL[slug])).name == expected
