"""The responses in docs/troubleshooting.md are those of a server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import pytest

from app.api.problem_kinds import ALL_KINDS
from app.contract import Artifact
from qa.harness.http_client import HttpClient
from qa.harness.messages import Response, as_json, get, head, post, read_answers
from qa.harness.server import ServerProcess, free_port
from tests.app.api.served import served
from tests.app.conftest import series
from tests.app.http.played import A_REQUEST, play, serving, until
from tests.conftest import ROOT
from tests.docs.pages import Example, Page, blocks, examples
from tests.support.fakes import FakeEngine

ENTRIES = Page("docs/troubleshooting.md").entries
BALANCER = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
STARTS = examples(ENTRIES["The server does not start"])
# Commands with the response of a server with default settings, by slug.
COMMANDS = {kind.slug: found[0] for kind in ALL_KINDS if (found := examples(ENTRIES.get(kind.slug, "")))}


async def unauthorized(artifact: Artifact, folder: Path) -> Response:
    """A request without a key, to a server with keys."""
    keys = folder / "keys"
    keys.touch()
    async with serving(artifact, FakeEngine(), api_keys_file=keys) as played:
        return await played.connect().ask(A_REQUEST)


async def not_sealed(artifact: Artifact, _: Path) -> Response:
    """A request for what the version was sealed without."""
    async with serving(artifact, FakeEngine()) as played:
        return await played.connect().ask(post(as_json(series(1.0)), target="/explain"))


async def forbidden(artifact: Artifact, _: Path) -> Response:
    """A reset from another machine, at a server without keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.api.routes.drift._is_local", lambda _: False)
        async with serving(artifact, FakeEngine()) as played:
            return await played.connect().ask(head("POST", "/drift/reset", [("Content-Length", "0")]))


async def queue_full(artifact: Artifact, _: Path) -> Response:
    """A request that would wait for too long."""
    async with serving(artifact, FakeEngine(), max_queue_seconds=0.05) as played:
        await played.held()
        await until(lambda: played.service._batcher._throughput.wait(1) > 0.05)
        played.connect().send(A_REQUEST)
        return await played.connect().ask(A_REQUEST)


async def body_bytes(artifact: Artifact, _: Path) -> Response:
    """A large body, with a limit of 0 bytes."""
    async with serving(artifact, FakeEngine(), max_body_bytes_in_flight=0) as played:
        part = head("POST", "/predict", [("Content-Length", "100000")]) + b" " * 70_000
        return await played.connect().ask(part)


async def cancelled(artifact: Artifact, _: Path) -> Response:
    """A request that waits while its client closes its sending side."""
    async with serving(artifact, FakeEngine()) as played:
        await played.held()
        waiting = played.connect()
        waiting.send(A_REQUEST)
        await played.queued(1)
        waiting.shut_down_sending()
        [answer] = await waiting.answers(1)
        return answer


async def deadline(artifact: Artifact, _: Path) -> Response:
    """A request that waits until its deadline."""
    async with serving(artifact, FakeEngine(), request_timeout=0.1) as played:
        await played.held()
        return await played.connect().ask(A_REQUEST)


async def not_ready(artifact: Artifact, _: Path) -> Response:
    """A request to a server that is starting."""
    is_over = threading.Event()

    def load() -> FakeEngine:
        is_over.wait()
        return FakeEngine()

    async with serving(artifact, FakeEngine(), load=load) as played:
        try:
            return await played.connect().ask(A_REQUEST)
        finally:
            is_over.set()


async def engine(artifact: Artifact, _: Path) -> Response:
    """A request of a batch on which the engine fails."""

    def fail(_: object) -> NoReturn:
        raise RuntimeError

    async with serving(artifact, FakeEngine(fail)) as played:
        return await played.connect().ask(A_REQUEST)


async def internal(artifact: Artifact, _: Path) -> Response:
    """A request that causes an unexpected error."""
    async with serving(artifact, FakeEngine()) as played:
        played.service.admit = None  # type: ignore[assignment, method-assign]
        return await played.connect().ask(A_REQUEST)


async def http_version(artifact: Artifact, _: Path) -> Response:
    """The first bytes of an HTTP/2 client."""
    async with serving(artifact, FakeEngine()) as played:
        return await played.connect().ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


Scenario = Callable[[Artifact, Path], Coroutine[Any, Any, Response]]
PLAYED: dict[str, Scenario] = {
    function.__name__.replace("_", "-"): function
    for function in (
        *(unauthorized, queue_full, body_bytes, cancelled, deadline, not_ready, engine, internal),
        *(http_version, not_sealed, forbidden),
    )
}


def shown(slug: str) -> dict[str, Any]:
    """The document in an entry."""
    text = COMMANDS[slug].output if slug in COMMANDS else blocks(ENTRIES[slug], "json")[0]
    document: dict[str, Any] = json.loads(text)
    return document


def masked(document: dict[str, Any]) -> dict[str, Any]:
    """A document without the numbers in its detail, which are measured."""
    return document | {"detail": re.sub(r"\d+(?:[.,]\d+)*", "#", document["detail"])}


def checked(answer: Response, slug: str) -> dict[str, Any]:
    """The document of a response, after a check of the headers that the entry names."""
    first = ENTRIES[slug].partition("\n")[0]
    named = {name for name in re.findall(r"`([\w-]+)", first) if answer.headers[name]}
    assert len(named) == first.count("`") // 2
    assert ("Retry-After" in named) == ("Retry-After" in answer.headers)
    assert "The connection is closed." not in first or answer.headers["Connection"] == "close"
    document: dict[str, Any] = json.loads(answer.body)
    assert document.pop("request_id") == answer.headers["X-Request-Id"]
    return document


def bash(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of the page, without the environment's proxies."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "*", **environment},
        capture_output=True,
        check=False,
    )


def test_every_example_is_tested() -> None:
    """With its command, with a scenario, or by one of the tests below."""
    tried = [*COMMANDS, *PLAYED, "connections", "broken-off", "rate-limit"]
    assert sorted(tried) == sorted(kind.slug for kind in ALL_KINDS)


@pytest.mark.parametrize("slug", COMMANDS)
def test_a_command_gets_the_response_of_the_page(server: ServerProcess, slug: str) -> None:
    """From a server with default settings, word for word."""
    command = COMMANDS[slug].command.replace("http://127.0.0.1:8000", server.url)
    done = bash(command.replace("curl -s ", "curl -si "))
    [answer] = read_answers(done.stdout)
    assert checked(answer, slug) == shown(slug)


@pytest.mark.parametrize("slug", PLAYED)
def test_an_example_without_a_command_is_the_response_of_its_scenario(
    plain_artifact: Artifact, tmp_path: Path, slug: str
) -> None:
    """With a fake engine, and settings that cause the problem."""
    answers: list[Response] = []

    async def scenario() -> None:
        answers.append(await PLAYED[slug](plain_artifact, tmp_path))

    play(scenario())
    assert masked(checked(answers[0], slug)) == masked(shown(slug))


def test_a_connection_over_the_limit_gets_the_response_of_the_page(plain_artifact: Artifact) -> None:
    """Before it sends a request."""
    with served(plain_artifact, max_connections=1) as running, HttpClient(running.url) as first:
        first.ask(get("/livez"))
        with HttpClient(running.url) as second:
            assert checked(second.read(), "connections") == shown("connections")


@pytest.mark.parametrize("slug", ["broken-off", "rate-limit"])
def test_the_balancers_own_responses_are_those_of_the_page(slug: str) -> None:
    """They are in its configuration; tests/deploy tests them with HAProxy."""
    texts = re.findall(r"""lf-string '(\{.*\})'""", BALANCER)
    read = [json.loads(re.sub(r"""'"\$RATE_LIMIT"'""", "50", text)) for text in texts]
    [document] = [found for found in read if found.get("type") == f"/problems/{slug}"]
    del document["request_id"]
    assert document == shown(slug)


@pytest.mark.parametrize("example", STARTS, ids=lambda example: example.command)
def test_a_start_that_fails_ends_with_the_line_of_the_page(server: ServerProcess, example: Example) -> None:
    """On standard error, with exit code 1. Another server listens on the port of the example."""
    port = server.url.rpartition(":")[2]
    command, line = (text.replace("8000", port) for text in example)
    done = bash(command.replace("python", sys.executable), PORT=str(free_port()))
    assert done.stderr.decode().splitlines() == [line]
    assert done.returncode == 1
