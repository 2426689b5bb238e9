"""API keys of calls: which methods need one, and where it is read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from tests.app.grpc.played import INFER, SERVICE, Played, playing, raw_request, refusal, series
from tests.app.inference.test_service import until

KEY = new_key()
OPEN = (
    *("grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"),
    *(f"{SERVICE}/{name}" for name in ("ServerLive", "ServerReady", "ModelReady")),
)
GUARDED = tuple(
    f"{SERVICE}/{name}"
    for name in (
        *("ServerMetadata", "ModelMetadata", "ModelInfer", "ModelStreamInfer", "ModelStatistics"),
        *("RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"),
    )
)
GOOD = (
    (("authorization", f"Bearer {KEY}"),),
    (("authorization", f"bearer {KEY}"),),
    (("x-api-key", KEY),),
    (("x-api-key", KEY), ("authorization", "Basic for-a-gateway")),
)
BAD: tuple[tuple[tuple[str, str | bytes], ...], ...] = (
    (),
    (("authorization", KEY),),
    (("authorization", "Bearer "),),
    (("authorization", f"Bearer {KEY}x"),),
    (("x-api-key", new_key()), ("authorization", f"Bearer {KEY}")),
    (("x-api-key", KEY), ("x-api-key", "another")),
    (("x-api-key-bin", KEY.encode()),),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one key."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(line_of("caller", KEY))
    return file


def call_of(played: Played, method: str, message: bytes = b"", **options: Any) -> Any:
    """A call of a method with one message, whatever its kind."""

    async def messages() -> Any:
        yield message

    return played.channel.stream_stream(f"/{method}")(messages(), **options)


def test_every_method_is_open_or_guarded(plain_artifact: Artifact) -> None:
    """A new method has to be given its place in these lists."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            known = {path.removeprefix("/") for path in played.server._methods._by_path}
        assert known == {*OPEN, *GUARDED}

    asyncio.run(scenario())


def test_liveness_and_readiness_are_open_and_all_else_needs_a_key(
    plain_artifact: Artifact, keys: Path
) -> None:
    """Probes have no keys. Without a key nothing is read, so that an empty message gets the same answer."""

    async def scenario() -> None:
        async with playing(plain_artifact, api_keys_file=keys) as played:
            for method in OPEN:
                assert await call_of(played, method).read() is not grpc.aio.EOF
            for method in GUARDED:
                call = call_of(played, method)
                assert (await call.code(), await call.details()) == (
                    StatusCode.UNAUTHENTICATED,
                    "send one valid API key: Authorization: Bearer KEY, or X-API-Key: KEY",
                )
                allowed = call_of(played, method, metadata=GOOD[0])
                with suppress(grpc.aio.AioRpcError):
                    await allowed.read()
                    await allowed.read()
                assert await allowed.code() is not StatusCode.UNAUTHENTICATED
            assert played.sample("unauthorized_requests_total") == len(GUARDED)

    asyncio.run(scenario())


def test_keys_in_metadata(plain_artifact: Artifact, keys: Path) -> None:
    """A key is read as over HTTP: from X-API-Key, else as a bearer token; two different ones are none."""

    async def scenario() -> None:
        async with playing(plain_artifact, api_keys_file=keys) as played:
            request = raw_request(series(0.5))
            for metadata in GOOD:
                assert (await played.stub.ModelInfer(request, metadata=metadata)).outputs
            for bad in BAD:
                code, details = await refusal(played.stub.ModelInfer(request, metadata=bad))
                assert code is StatusCode.UNAUTHENTICATED, bad
                assert KEY not in details
            # A call is counted after its client has the answer.
            await until(
                lambda: played.sample("grpc_requests_total", method=INFER, code="UNAUTHENTICATED") == len(BAD)
            )

    asyncio.run(scenario())
