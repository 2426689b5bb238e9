"""SECURITY.md is true: what it names is there, answers tell nothing of the machine, locks lock."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from qa.harness.server import ServerProcess
from tests.conftest import ROOT

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
LOCKS = sorted((ROOT / "requirements").rglob("*.txt"))


def test_every_file_that_is_named_is_there() -> None:
    """A defence that moved is named where it is now."""
    folders, files = "app|deploy|requirements|tests", r"Dockerfile|docker-compose\.yml|\.dockerignore"
    named = re.findall(rf"`((?:{folders})/[^`]*|{files})`", SECURITY)
    assert len(named) > 50
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_threat_has_its_columns() -> None:
    """A threat without a defence or a test says so."""
    threats = SECURITY.partition("## Threats")[2]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and "**" not in line]
    assert len(rows) > 20
    assert all(len(row.split("|")) == 5 for row in rows)
    assert all(cell.strip() for row in rows for cell in row.split("|")[1:4])


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/livez", None),
        ("GET", "/model", None),
        ("GET", "/metrics", None),
        ("GET", "/nowhere", None),
        ("PUT", "/predict", b"{}"),
        ("POST", "/predict", b"{"),
        ("POST", "/predict", b'{"instances": [[1, "x"]]}'),
        ("POST", "/predict", b"[" * 100_000),
        ("POST", "/predict", b" " * 5_000_000),
    ],
)
def test_responses_reveal_nothing_about_the_machine(
    server: ServerProcess, method: str, path: str, content: bytes | None
) -> None:
    """No software in the headers; no trace, no folder and no line of code in the body."""
    headers = {"Content-Type": "application/json"}
    answer = httpx.request(method, f"{server.url}{path}", content=content, headers=headers)
    assert not {"server", "x-powered-by", "via"} & set(answer.headers)
    for leak in (str(ROOT), "site-packages", "Traceback", '.py"'):
        assert leak not in answer.text


def test_nothing_that_is_locked_calls_its_maker() -> None:
    """OpenVINO would: it brings a package that tells of each conversion, from a process that it forks."""
    assert LOCKS
    assert [lock.name for lock in LOCKS if "openvino-telemetry" in lock.read_text(encoding="utf-8")] == []
    assert find_spec("openvino_telemetry") is None


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_one_version_and_its_hashes(lock: Path) -> None:
    """A package that is not exactly the one that was chosen is not installed."""
    requirements = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+ ", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_nothing_is_installed_without_its_hash(name: str) -> None:
    """Neither for people nor into an image."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    installs = re.findall(r"pip (?:--\S+ \S+ )?install [^\n&;]*", text)
    assert installs
    assert all("--require-hashes" in install for install in installs)
