"""docs/explanations.md is true: its examples run, and its response has the fields of a real one."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.api.explain_parameters import MAX_SERIES, explain_parameters
from app.client.explanations.schemas import ExplainResponse
from app.contract import Artifact
from app.settings import Settings
from qa.harness.server import ServerProcess
from tests.conftest import ROOT
from tests.docs.pages import Page, blocks
from tests.support import plain_http

PAGE = Page("docs/explanations.md")
COMMANDS = [line for block in blocks(PAGE.text, "sh") for line in block.splitlines()]


def run(arguments: list[str], folder: Path) -> str:
    """What a program prints, in a folder that has the project's documents and models in it."""
    for name in ("docs", "model_artifacts", "app"):
        (folder / name).symlink_to(ROOT / name)
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", blocks(PAGE.text, "python"))
def test_a_python_example_runs(server: ServerProcess, code: str, tmp_path: Path) -> None:
    """Copied into a file, it prints something."""
    code = code.replace("http://127.0.0.1:8000", server.url)
    assert run([sys.executable, "-c", code], tmp_path).strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(server: ServerProcess, command: str, tmp_path: Path) -> None:
    """As the page has it; what it writes is there."""
    arguments = shlex.split(command.replace("http://127.0.0.1:8000", server.url))
    if "curl" in arguments:
        found = ExplainResponse.model_validate_json(run(arguments, tmp_path))
        assert len(found.explanations) == 1
        return
    arguments = [sys.executable, *arguments[1:], "--url", server.url]
    run(arguments, tmp_path)
    written = [arguments[i + 1] for i, each in enumerate(arguments) if each in ("--plot", "--output")]
    assert all((tmp_path / name).stat().st_size for name in written)


def test_the_response_has_the_fields_of_a_real_one(server: ServerProcess) -> None:
    """And no other, in the same order, with the first values of its lists; its schema takes it."""
    (shown,) = map(json.loads, blocks(PAGE.text, "json"))
    body = ROOT / "docs" / "example.json"
    headers = {"Content-Type": "application/json"}
    real = plain_http.post(f"{server.url}/explain", content=body.read_bytes(), headers=headers).json()
    assert fields_of(shown) == fields_of(real)
    [printed], [explained] = shown["explanations"], real["explanations"]
    assert (printed["label"], shown["variants"]) == (explained["label"], real["variants"])
    for part in ("time", "frequency"):
        importances = explained[part]["importances"][: len(printed[part]["importances"])]
        assert printed[part]["importances"] == pytest.approx(importances, abs=0.1)  # of any processor
    assert ExplainResponse.model_validate(shown)


def fields_of(document: Any) -> Any:
    """The names of all fields of a document; of a list, those of its first item."""
    if isinstance(document, dict):
        return [(name, fields_of(value)) for name, value in document.items()]
    return fields_of(document[0]) if isinstance(document, list) else None


def test_every_parameter_and_field_is_in_a_table(artifact: Artifact) -> None:
    """Parameters of the query, and fields of the response."""
    code = PAGE.code
    assert {each["name"] for each in explain_parameters(artifact.contract)} <= code
    assert {name for name, _ in fields_of(json.loads(blocks(PAGE.text, "json")[0]))[3][1]} <= code


def test_the_limits_are_those_of_the_code() -> None:
    """And the settings exist."""
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    stated = re.findall(r"`([A-Z_]+)` \(([\d,]+)(?: s)?\)", PAGE.text)
    assert stated
    for name, value in stated:
        assert float(value.replace(",", "")) == defaults[name], name
    assert f"| {MAX_SERIES} series, and" in PAGE.text
    balancer = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
    names = {code for code in PAGE.code if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)+", code)}
    assert [name for name in names - defaults.keys() if f"{{{name}-" not in balancer] == []
