"""Real S3 stores for tests: SeaweedFS, and moto's server, which starts faster and takes any credentials."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from qa.harness.http_client import HOST
from qa.harness.server import ServerProcess, free_port

FLEET = Path(__file__).parents[2] / ".cache" / "fleet" / "bin"
ACCESS_KEY, SECRET_KEY = "key", "secret"
BUCKET = "artifacts"
# All are named explicitly: SeaweedFS would take fixed ports.
_SEAWEED_PORTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class ObjectStoreServer:
    """A store that runs.

    Attributes:
        endpoint: its URL.
        process: of the server.
    """

    endpoint: str
    process: ServerProcess

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a process uses the store."""
        return self.through(self.endpoint)

    def through(self, endpoint: str) -> dict[str, str]:
        """The variables, with another address of the store: a proxy's."""
        return {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }

    def folder(self) -> str:
        """A URL that no other test uses."""
        return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@contextmanager
def seaweed() -> Iterator[ObjectStoreServer]:
    """SeaweedFS, which makes a bucket at the first write to it; killed at the end: it ignores SIGTERM."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "s3.json"
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identity = {"name": "test", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}
        config.write_text(json.dumps({"identities": [identity]}))
        ports = random_ports(2 * len(_SEAWEED_PORTS))
        options = [
            *(f"-dir={folder}", f"-ip={HOST}", f"-ip.bind={HOST}", "-s3", f"-s3.config={config}"),
            *(f"-{name}.port={port}" for name, port in zip(_SEAWEED_PORTS, ports, strict=False)),
            *(
                f"-{name}.port.grpc={port}"
                for name, port in zip(_SEAWEED_PORTS[::-1], ports[::-1], strict=False)
            ),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=true"),
            *("-master.volumeSizeLimitMB=64", "-volume.max=8", "-master.telemetry=false"),
        ]
        with _running(
            "weed", ["server", *options], port=ports[3], folder=Path(folder), path="/status"
        ) as store:
            yield store


@contextmanager
def moto() -> Iterator[ObjectStoreServer]:
    """A server of moto with one bucket; it takes any credentials."""
    [port] = random_ports(1)
    options = ["-H", HOST, "-p", str(port)]
    with (
        TemporaryDirectory() as folder,
        _running("moto_server", options, port=port, folder=Path(folder), path="/") as store,
    ):
        httpx.put(f"{store.endpoint}/{BUCKET}").raise_for_status()
        yield store


def random_ports(count: int) -> list[int]:
    """Different free ports."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


@contextmanager
def _running(
    program: str, options: Sequence[str], *, port: int, folder: Path, path: str
) -> Iterator[ObjectStoreServer]:
    if not (FLEET / program).exists():
        pytest.skip(f"{program} is not installed: make .cache/fleet/ready")
    process = ServerProcess([str(FLEET / program), *options], log=folder / "log", port=port)
    try:
        process.start()
        process.wait_until(lambda: process.get(path).status == 200)
        yield ObjectStoreServer(process.url, process)
    finally:
        process.kill()
