"""The guides are true: their examples run, and the settings and options in them exist."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from app.settings import Settings
from qa.harness.server import ServerProcess
from tests.conftest import ROOT
from tests.docs.pages import Page, blocks

REQUESTS = Page("docs/requests.md")
# What the Python client reads: tests/app/client/test_environment.py.
CLIENT_VARIABLES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
PAGES = pytest.mark.parametrize(
    "page",
    [REQUESTS, Page("docs/deploying.md"), Page("docs/training/training.md")],
    ids=lambda page: page.path.name,
)


@pytest.mark.parametrize("code", blocks(REQUESTS.text, "python"))
def test_a_python_example_runs(server: ServerProcess, code: str) -> None:
    """Copied into a file, against a server with default settings."""
    code = code.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@PAGES
def test_every_setting_exists(page: Page) -> None:
    """Names in capitals are settings of the server or of the balancer, or what the client reads."""
    balancer = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
    names = {code for code in page.code if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)+", code)}
    settings = {name.upper() for name in Settings.model_fields}
    assert [name for name in names - settings - CLIENT_VARIABLES if f"{{{name}-" not in balancer] == []


@PAGES
def test_every_training_option_exists(page: Page) -> None:
    """Options behind `make train ARGS=` are those of the job."""
    config = (ROOT / "training" / "config.py").read_text(encoding="utf-8")
    for command in re.findall(r'make train ARGS="([^"]*)"', page.text):
        for option in re.findall(r"--([a-z-]+)", command):
            assert option == "help" or f"    {option.replace('-', '_')}: " in config, option
