"""The commands of docs/deploying.md run, but for those that need what is not here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from app.contract.pin import read_pin
from qa.harness.balancer import find_haproxy
from qa.harness.server import free_port
from tests.conftest import ROOT
from tests.docs.pages import Page, blocks, examples

PAGE = Page("docs/deploying.md")
# Why a command is not run here.
ELSEWHERE = {
    "make image": "needs an image of Python: tests/deploy/test_image.py and test_check.py",
    "docker": "needs Docker: tests/deploy/test_files.py holds its files against the code",
    "pip install": "needs a package index: tests/packaging/test_install.py",
    "python -m benchmarks.capacity": "takes minutes: tests/benchmarks/test_capacity.py runs its parts",
    "python -m app capacity --record record.json": "of the measured record: tests/app/cli/test_capacity.py",
    "API_KEYS_FILE=keys python -m app serve": "tests/app/api/middleware/test_auth.py",
}


def block_with(text: str) -> str:
    """The one `sh` block that has a text in it, without the commands that are not run here."""
    (block,) = (block for block in blocks(PAGE.text, "sh") if text in block)
    return "".join(line for line in block.splitlines(keepends=True) if not is_elsewhere(line))


def is_elsewhere(line: str) -> bool:
    """Whether a command is one of those that are not run here."""
    return line.startswith(tuple(ELSEWHERE))


def run(script: str, folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell; what it leaves in the background is killed.

    Its output goes to files: background processes would keep pipes open.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **variables}
    with (folder / ".out").open("w+b") as out, (folder / ".err").open("w+b") as errors:
        shell = subprocess.Popen(
            ["sh", "-e", "-c", script],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = shell.wait(120)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(
            script, code, (folder / ".out").read_text(), (folder / ".err").read_text()
        )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what the commands name, in which they may write."""
    for name in ("deploy", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    versions = tmp_path / "model_artifacts" / "forda"
    versions.mkdir(parents=True)
    for folder in (ROOT / "model_artifacts" / "forda").glob("[0-9]"):
        shutil.copytree(folder, versions / folder.name)
    return tmp_path


def test_every_command_is_run_here_or_has_a_reason() -> None:
    """Each `sh` block is one of those below, after the commands that are not run here are left out."""
    tested = ("-m app health", "haproxy", "app use", "app key")
    for block in blocks(PAGE.text, "sh"):
        left = [line for line in block.splitlines() if not is_elsewhere(line)]
        assert not left or any(text in block for text in tested), left
    for prefix in ELSEWHERE:
        assert re.search(rf"^{re.escape(prefix)}", "\n".join(blocks(PAGE.text, "sh")), re.MULTILINE), prefix


def test_one_server_without_a_container(project: Path) -> None:
    """It becomes ready, and the health command says so."""
    port = str(free_port())
    script = block_with("-m app health").replace("8000", port)
    done = run(script, project, HOST="127.0.0.1", PORT=port)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"ok":true')


def test_two_replicas_behind_haproxy(project: Path) -> None:
    """The balancer is ready once a replica is, and passes a prediction on."""
    if find_haproxy() is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    script = block_with("haproxy -db")
    for port in ("8000", "8001", "8002"):
        script = script.replace(port, str(free_port()))
    done = run(script, project, HOST="127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert '"predictions"' in done.stdout


def test_a_version_is_chosen_and_released_again(project: Path) -> None:
    """`use` writes the choice into the folder, and deletes it."""
    first, second = block_with("-m app use").splitlines()
    versions = project / "model_artifacts" / "forda"
    assert run(first, project).returncode == 0
    assert read_pin(versions) == versions / "2"
    assert run(second, project).returncode == 0
    assert read_pin(versions) is None


def test_a_key_is_added_to_the_file(project: Path) -> None:
    """Its digest; the key itself is on standard error."""
    done = run(block_with("-m app key"), project)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"alice:[0-9a-f]{64}\n", (project / "keys").read_text())


def test_the_forecast_is_what_the_page_shows() -> None:
    """Word for word: it depends on the committed record alone."""
    (example,) = examples(PAGE.text)
    done = subprocess.run(
        ["sh", "-c", example.command.replace("python", sys.executable)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip() == example.output
