"""Real servers whose files turn into something else, or whose file systems do not answer: they answer on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import PIN_FILE, Artifact
from qa.harness.proc import children
from qa.harness.server import SERVE, ServerProcess, running_server
from tests.conftest import ROOT
from tests.process.test_versions import wait_for
from tests.support import plain_http
from tests.support.not_files import KINDS, NOT_REGULAR, put
from tests.support.versions import add_version

HANGS_AT_LOAD = (sys.executable, "-m", "tests.support.hangs_at_load", "serve")
KEY = new_key()


def status(server: ServerProcess, *, key: str = KEY) -> int:
    """That of an answer to a client with a key."""
    return plain_http.get(f"{server.url}/model", headers={"X-API-Key": key}, timeout=10).status_code


def key_file(folder: Path, key: str) -> Path:
    """A key file, whole at once."""
    new = folder / "new"
    new.write_text(line_of("caller", key))
    return new.replace(folder / "keys")


def test_a_pin_that_becomes_a_fifo_stops_no_answer(tmp_path: Path, trusted_artifact: Artifact) -> None:
    """The log says so once, the version that serves goes on, and without the FIFO the next one takes over."""
    add_version(tmp_path, 1, trusted_artifact)
    with running_server(ARTIFACT=str(tmp_path), RELOAD_SECONDS="0.05") as server:
        os.mkfifo(tmp_path / PIN_FILE)
        add_version(tmp_path, 2, trusted_artifact)
        server.wait_until(lambda: NOT_REGULAR in server.log.read_text())
        assert plain_http.get(f"{server.url}/readyz", timeout=10).json()["version"] == 1
        (tmp_path / PIN_FILE).unlink()
        wait_for(server, 2)
        assert server.stop() == 0
        assert server.log.read_text().count(f"SERVE: cannot be read ({NOT_REGULAR})") == 1


def test_a_key_file_that_becomes_a_fifo_stops_no_answer(tmp_path: Path) -> None:
    """The previous keys stay valid, one log entry says so, and a new file counts."""
    with running_server(API_KEYS_FILE=str(key_file(tmp_path, KEY))) as server:
        put(tmp_path / "keys", os.mkfifo)
        server.wait_until(lambda: NOT_REGULAR in server.log.read_text())
        assert status(server) == 200
        other = new_key()
        key_file(tmp_path, other)
        server.wait_until(lambda: status(server) == 401)
        assert status(server, key=other) == 200
        assert server.stop() == 0
        assert server.log.read_text().count(f"keys: {NOT_REGULAR}") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("variable", ["API_KEYS_FILE", "ARTIFACT"])
def test_a_fifo_stops_the_start(
    tmp_path: Path, trusted_artifact: Artifact, variable: str, workers: str
) -> None:
    """In a line that names the file, or the variable and the file."""
    add_version(tmp_path, 1, trusted_artifact)
    path = tmp_path / ("keys" if variable == "API_KEYS_FILE" else PIN_FILE)
    os.mkfifo(path)
    settings = {"API_KEYS_FILE": path} if variable == "API_KEYS_FILE" else {"ARTIFACT": tmp_path}
    ended = subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env={**os.environ, "PORT": "0", "WORKERS": workers, **{key: str(settings[key]) for key in settings}},
        timeout=60,
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert ended.returncode == 1
    known = {"API_KEYS_FILE": f"API_KEYS_FILE: {path}: {NOT_REGULAR}"}
    expected = known.get(variable, f"{path}: cannot be read (")
    assert [expected in line for line in ended.stderr.splitlines()].count(True) == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("kind", ["FIFO", "endless device"])
def test_the_check_of_an_artifact_ends_where_there_is_no_file(
    tmp_path: Path, trusted_artifact: Artifact, kind: str
) -> None:
    """With a line that names it."""
    make, message = KINDS[kind]
    add_version(tmp_path, 1, trusted_artifact)
    make(tmp_path / PIN_FILE)
    ended = subprocess.run(
        [sys.executable, "-m", "app", "check"],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT": str(tmp_path)},
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert f"SERVE: cannot be read ({message}" in ended.stderr


def test_a_first_engine_whose_files_hang_does_not_keep_the_process() -> None:
    """Probes get responses, and SIGTERM ends the process."""
    with running_server(command=HANGS_AT_LOAD, wait=False, DRAIN_TIMEOUT="0") as server:

        def is_answered() -> bool:
            try:
                return plain_http.get(f"{server.url}/livez", timeout=10).status_code == 200
            except httpx.TransportError:
                return False

        server.wait_until(is_answered)
        assert plain_http.get(f"{server.url}/readyz", timeout=10).status_code == 503
        assert server.stop() == 0


@pytest.fixture
def with_mount(tmp_path: Path) -> list[str]:
    """The command of a server that has a file system at `mount` that never answers."""
    (tmp_path / "mount").mkdir()
    command = [sys.executable, "-m", "tests.support.hanging_mount", str(tmp_path / "mount")]
    tried = subprocess.run([*command, "true"], cwd=ROOT, check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(tried.stderr)
    return [*command, *SERVE]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_file_systems_that_do_not_respond_block_nothing(
    tmp_path: Path, trusted_artifact: Artifact, with_mount: list[str], workers: str
) -> None:
    """Neither answers nor the end, though all files that it looks at are there and SIGHUP asks for more."""
    for name in ("versions", "secrets"):
        (tmp_path / f"real-{name}").mkdir()
        (tmp_path / name).symlink_to(f"real-{name}")
    add_version(tmp_path / "versions", 1, trusted_artifact)
    keys = key_file(tmp_path / "secrets", KEY)
    with running_server(
        command=with_mount,
        ARTIFACT=str(tmp_path / "versions"),
        API_KEYS_FILE=str(keys),
        WORKERS=workers,
        RELOAD_SECONDS="0.05",
    ) as server:
        for name in ("versions", "secrets"):
            (tmp_path / "link").symlink_to("mount")
            (tmp_path / "link").replace(tmp_path / name)
        processes = [server.process.pid, *children(server.process.pid)][-int(workers) :]
        server.wait_until(lambda: all(reads_that_hang(pid) == 2 for pid in processes))
        for _ in range(5):
            server.process.send_signal(signal.SIGHUP)
            assert status(server) == 200
            assert plain_http.get(f"{server.url}/readyz", timeout=10).status_code == 200
        assert all(reads_that_hang(pid) == 2 for pid in processes)
        assert server.stop() == 0
        assert "replaced" not in server.log.read_text()


def reads_that_hang(pid: int) -> int:
    """How many threads of a process wait in the kernel for a file system."""
    places = [(task / "wchan").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(place.startswith(("fuse_", "d_alloc_parallel")) for place in places)
