"""Sends mutated messages to a real server over gRPC, and garbage to its port; checks it afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TypeAlias

import grpc
import grpc.aio
import numpy as np

from app.contract import Artifact
from app.grpc.generated.inference_pb2 import ModelInferRequest
from qa.fuzz.cases import MAX_BYTES
from qa.fuzz.mutations import Mutator
from qa.fuzz.report import Finding, Outcome
from qa.fuzz.v2_bodies import DATATYPES
from qa.fuzz.wire import violations
from qa.harness import proc
from qa.harness.server import ServerProcess, free_port, running_server

NAME = "grpc"
_METHODS = (
    *("ModelInfer",) * 12, "ModelMetadata", "ModelReady", "ServerLive", "ServerReady", "ServerMetadata",
    "ModelStatistics", "RepositoryIndex", "RepositoryModelLoad", "ModelConfig", "Nothing",
)  # fmt: skip
# Statuses that a client may get. Not UNKNOWN, which is an unexpected exception, nor INTERNAL.
ALLOWED = frozenset(
    {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
_SIZES = (0, 1, 2, 3, 256, 500, -1, 2**31, 2**32, 2**40, 2**61, 2**62, 2**63 - 1, -(2**63))
_FRAGMENTS = (
    b"\x00",
    b"\xff",
    b"\x08",
    b"\x0a",
    b"\x12",
    b"\x80" * 10,
    b"\xff" * 10,
    b"\xff\xff\xff\xff\x0f",
)
_CALLERS = 32
_HANG_SECONDS = 30.0
_MOST_CHARACTERS = 400
mutate = Mutator(_FRAGMENTS)
Method: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"


def message(rng: Random, artifact: Artifact) -> bytes:
    """A request that is right, nearly right, or whose bytes were changed."""
    length = artifact.contract.input.length
    request = ModelInferRequest(model_name=rng.choice((artifact.contract.name,) * 9 + ("", "x")))
    count = rng.choice((1, 1, 2, 3))
    tensor = request.inputs.add(name="series", datatype=rng.choice((*("FP32",) * 9, *DATATYPES, "BYTES", "")))
    shape = [count, length]
    if not rng.randrange(3):
        shape = [rng.choice(_SIZES) for _ in range(rng.randrange(5))]
    tensor.shape.extend(shape)
    values = np.zeros(count * length + rng.choice((0, 0, 0, 1, -1)), np.float32)
    if rng.getrandbits(1):
        request.raw_input_contents.append(values.tobytes()[: rng.choice((None, None, 3))])
    if rng.getrandbits(1):
        getattr(tensor.contents, rng.choice(("fp32_contents", "fp64_contents"))).extend(
            values[: count * length]
        )
    for _ in range(rng.choice((0, 0, 1, 3))):
        request.outputs.add(name=rng.choice(("probabilities", "label", "x", "")))
    request.parameters["timeout"].int64_param = rng.choice((0, 1, -1, 2**62))
    data: bytes = request.SerializeToString()
    return mutate(rng, data)[:MAX_BYTES] if rng.getrandbits(1) else data


def fuzz(artifact: Artifact, *, seed: int, cases: int, folder: Path) -> Outcome:
    """Send cases to a server of the artifact.

    Args:
        artifact: the served artifact.
        seed: seed of all cases.
        cases: number of cases.
        folder: folder of the server's log.

    Raises:
        NotServing: the server does not start.
    """
    outcome, started, port = Outcome(NAME), time.perf_counter(), free_port()
    settings = {"ARTIFACT": str(artifact.folder.absolute()), "GRPC_PORT": str(port), "LOG_FORMAT": "text"}
    with running_server(log=folder / "grpc.log", **settings) as server:  # type: ignore[arg-type]
        codes: Counter[str] = Counter()
        memory = []
        for part in np.array_split(np.arange(cases), 4):
            asyncio.run(_send_all(artifact, port, seed, iter(part.tolist()), outcome.findings, codes))
            outcome.cases += len(part)
            memory.append(proc.memory(server.pid)[0])
        outcome.findings += [Finding(NAME, each) for each in _violations(server, artifact, memory)]
    outcome.seconds = time.perf_counter() - started
    counts = ", ".join(f"{name}: {count:,}" for name, count in sorted(codes.items()))
    sizes = " → ".join(f"{size / 1e6:.0f}" for size in memory)
    outcome.measured = f"{counts}; memory after each quarter {sizes} MB"
    return outcome


def _violations(server: ServerProcess, artifact: Artifact, memory: list[int]) -> Iterator[str]:
    files = proc.held(server.pid).descriptors
    return violations(server, artifact, files=files, grown=memory[-1] - memory[0])


async def _send_all(
    artifact: Artifact,
    port: int,
    seed: int,
    numbers: Iterator[int],
    findings: list[Finding],
    codes: Counter[str],
) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

        async def caller() -> None:
            for number in numbers:
                rng = Random(f"{seed}/{NAME}/{number}")
                if not rng.randrange(20):
                    await _send_garbage(port, rng)
                    continue
                method: Method = channel.unary_unary(
                    f"/inference.GRPCInferenceService/{rng.choice(_METHODS)}"
                )
                code, words = await _ask(method, message(rng, artifact))
                codes[code.name] += 1
                if code not in ALLOWED or len(words) > _MOST_CHARACTERS or "Traceback" in words:
                    findings.append(Finding(f"{NAME}/{number}", f"{code.name}: {words[:_MOST_CHARACTERS]!r}"))

        await asyncio.gather(*(caller() for _ in range(_CALLERS)))


async def _ask(method: Method, data: bytes) -> tuple[grpc.StatusCode, str]:
    try:
        await method(data, timeout=_HANG_SECONDS)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


async def _send_garbage(port: int, rng: Random) -> None:
    """What is no HTTP/2, or a broken frame of it, on a connection of its own."""
    start = rng.choice((b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"))
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start + rng.randbytes(rng.randrange(200)))
    try:
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except ConnectionError:
        pass
