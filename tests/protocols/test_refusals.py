"""What clients see of a server that refuses: at overload, without a key, while it drains."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from qa.harness.server import ServerProcess, free_port, running_server
from tests.protocols.clients import HTTP, TRITON, observe, skip_without_clients, target_of
from tests.protocols.conftest import Ask
from tests.protocols.expected import check_answer, check_refusal, status

FORMS = pytest.mark.parametrize("script", TRITON)
KEY = new_key()
# One request of 256 series fills the queue.
FULL: Mapping[str, str] = {"MAX_QUEUE_ROWS": "256"}
MANY = {"count": 96, "rows": 256}


@FORMS
def test_overload_is_reported_with_the_servers_message(ask: Ask, script: str) -> None:
    """503 or UNAVAILABLE, of some requests; the others are answered, and so is the next one."""
    seen = ask(script, "infer at once", "infer one", target=MANY, **FULL)
    answers = seen["infer at once"]
    refused = [answer for answer in answers if "raises" in answer]
    assert 0 < len(refused) < len(answers)
    for answer in refused:
        check_refusal(answer, status(script, "503"), "MAX_QUEUE_ROWS=256", "try again in 1 s")
    assert "raises" not in seen["infer one"]


def test_overload_of_v1_is_reported_with_the_servers_message(ask: Ask) -> None:
    """By KServe's client, which quotes them."""
    settings = {"MAX_QUEUE_ROWS": "1", "MAX_BATCH_ROWS": "1"}
    answers = ask("kserve_client", "v1 overload", target={"count": 64}, **settings)["v1 overload"]
    refused = [answer for answer in answers if answer != "answered"]
    assert 0 < len(refused) < len(answers)
    for answer in refused:
        assert "MAX_QUEUE_ROWS=1" in answer
        assert "503 Service Unavailable" in answer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, int]]:
    """A server that wants a key, and its port for gRPC."""
    skip_without_clients()
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(line_of("caller", KEY))
    port = free_port()
    with running_server(API_KEYS_FILE=str(keys), GRPC_PORT=str(port)) as server:
        yield server, port


def _ask(
    guarded: tuple[ServerProcess, int], artifact: Artifact, script: str, **target: Any
) -> dict[str, Any]:
    server, port = guarded
    return observe(script, target_of(server, artifact, grpc=port, **target))


OPEN = ("server live", "server ready", "model ready", "version ready")
CLOSED = ("server metadata", "model metadata", "index", "all statistics", "infer", "load")


@FORMS
def test_only_liveness_and_readiness_need_no_key(
    guarded: tuple[ServerProcess, int], artifact: Artifact, script: str
) -> None:
    """All else is refused with the server's words."""
    seen = _ask(guarded, artifact, script, only=(*OPEN, *CLOSED))
    assert [seen[name] for name in OPEN] == [True] * len(OPEN)
    for name in CLOSED:
        check_refusal(seen[name], status(script, "401"), "API key")


@FORMS
@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}], ids=["bearer", "header"]
)
def test_a_key_lets_in(
    guarded: tuple[ServerProcess, int], artifact: Artifact, script: str, headers: dict[str, str]
) -> None:
    """In a header, or in the metadata of gRPC, in which names are in lower case."""
    given = headers if script in HTTP else {name.lower(): key for name, key in headers.items()}
    seen = _ask(guarded, artifact, script, headers=given, only=(*OPEN, *CLOSED))
    check_answer(seen["infer"], artifact, 2)
    assert "raises" not in seen["server metadata"]


def test_kserves_client_can_send_a_key(guarded: tuple[ServerProcess, int], artifact: Artifact) -> None:
    """Probes work without one in all its protocols."""
    names = ("v1 live", "v1 model ready", "v2 live", "v2 ready", "v2 model ready", "grpc live", "grpc ready")
    asked = ("v1 predict", "v2 infer binary", "grpc infer raw")
    without = _ask(guarded, artifact, "kserve_client", only=(*names, *asked))
    assert all(without[name] is True for name in names)
    for name in asked:
        check_refusal(without[name], "UNAUTHENTICATED" if name.startswith("grpc") else "401", "API key")
    seen = _ask(guarded, artifact, "kserve_client", headers={"X-API-Key": KEY}, only=asked)
    assert len(seen["v1 predict"]["predictions"]) == 2
    check_answer(seen["v2 infer binary"], artifact, 2)
    check_answer(seen["grpc infer raw"], artifact, 2)


def test_a_server_that_drains_is_live_and_answers_but_is_not_ready(artifact: Artifact) -> None:
    """As the balancer needs it, in all protocols."""
    skip_without_clients()
    port = free_port()
    names = ("server live", "server ready", "model ready", "infer one")
    with running_server(DRAIN_DELAY="60", GRPC_PORT=str(port)) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_until(lambda: server.status("/readyz") == 503, "draining")
        target = target_of(server, artifact, grpc=port, only=names)
        for script in ("triton_http", "triton_grpc"):
            seen = observe(script, target)
            assert [seen[name] for name in names[:3]] == [True, False, False], script
            check_answer(seen["infer one"], artifact, 1)
        only = ("v1 live", "v1 model ready", "v1 predict", "v2 model ready")
        seen = observe("kserve_client", target_of(server, artifact, only=only))
        assert [seen["v1 live"], seen["v1 model ready"], seen["v2 model ready"]] == [True, False, False]
        assert len(seen["v1 predict"]["predictions"]) == 2


def test_protocols_can_be_switched_off(ask: Ask) -> None:
    """Their paths are then none of the server's."""
    seen = ask("triton_http", "server live", "infer", PROTOCOLS="native")
    assert seen["server live"] is False
    assert seen["infer"]["status"] == "404"
