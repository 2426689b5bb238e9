"""The guides are true: their examples run, and the settings and options in them exist."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from qa.harness.server import ServerProcess
from tests.conftest import ROOT
from tests.docs.pages import Example, Page, blocks, examples

REQUESTS = Page("docs/requests.md")
# What the Python client reads: tests/app/client/http/test_environment.py.
CLIENT_VARIABLES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "NO_COLOR"}
NUMBER = r"\d+(?:\.\d+)?"
PAGES = pytest.mark.parametrize(
    "page",
    [REQUESTS, Page("docs/deploying.md"), Page("docs/training/training.md")],
    ids=lambda page: page.path.name,
)


@pytest.mark.parametrize("code", blocks(REQUESTS.text, "python"))
def test_a_python_example_runs(
    server: ServerProcess,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Copied into a file, against a server with default settings; a warning fails it, too."""
    script = tmp_path / "example.py"
    script.write_text(code.replace("http://127.0.0.1:8000", server.url), encoding="utf-8")
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("example", examples(REQUESTS.text), ids=lambda example: example.command[-60:])
def test_a_command_prints_what_the_page_says(server: ServerProcess, example: Example) -> None:
    """Word for word, but for the last digits of numbers, which depend on the processor."""
    command = example.command.replace("http://127.0.0.1:8000", server.url)
    command = command.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if not example.output.startswith("{"):
        texts = re.split(NUMBER, done.stdout.strip()), re.split(NUMBER, example.output)
        numbers = [
            list(map(float, re.findall(NUMBER, text))) for text in (done.stdout.strip(), example.output)
        ]
        assert texts[0] == texts[1]
        assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)
        return
    found, expected = (
        [json.loads(line) for line in text.splitlines()] for text in (done.stdout, example.output)
    )
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        shares = [each.pop("probabilities", {}) for each in (one, other)]
        assert shares[0] == pytest.approx(shares[1], abs=1e-4)
        assert one == other


def test_the_script_makes_a_picture_of_a_csv_file(server: ServerProcess, tmp_path: Path) -> None:
    """As its first lines say how to run it."""
    picture = tmp_path / "timeline.png"
    done = subprocess.run(
        [sys.executable, "docs/examples/csv_to_plot.py", "docs/examples/recording.csv", picture, server.url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"change at \d+\.\d s, 95 % interval \d+\.\d to \d+\.\d s", done.stdout)
    assert picture.read_bytes().startswith(b"\x89PNG")


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
