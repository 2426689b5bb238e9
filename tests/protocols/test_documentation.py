"""The calls in docs/protocols.md run as they stand, and print what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from app.contract import Artifact
from tests.conftest import ROOT
from tests.docs.pages import Example, Page, examples
from tests.protocols.clients import PYTHON
from tests.protocols.conftest import Served

PAGE = Page("docs/protocols.md")
COMMANDS = examples(PAGE.text)
# A program and what it prints.
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE.text, flags=re.DOTALL)
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def test_there_are_calls_of_every_kind() -> None:
    """curl, tritonclient and KServe's client; V1, V2 and gRPC."""
    texts = [*(example.command for example in COMMANDS), *(code for code, _ in PROGRAMS)]
    for words in ("/v2/", "/v1/", "tritonclient.http", "tritonclient.grpc", 'protocol="v1"', 'protocol="v2"'):
        assert any(words in text for text in texts), words
    assert len(PROGRAMS) == PAGE.text.count("```python\n")


def check(printed: str, shown: str, artifact: Artifact) -> None:
    """The output is what is shown; numbers may be off by the contract's tolerance."""
    assert _NUMBER.sub("#", printed.strip()) == _NUMBER.sub("#", shown.strip())
    numbers = [float(number) for number in _NUMBER.findall(printed)]
    expected = [float(number) for number in _NUMBER.findall(shown)]
    assert numbers == pytest.approx(expected, abs=2 * artifact.contract.output.tolerance)


def here(text: str, served: Served) -> str:
    """A call of the page, to the tests' server."""
    return text.replace("127.0.0.1:8000", served.target.http).replace("127.0.0.1:8001", served.target.grpc)


@pytest.mark.parametrize("example", COMMANDS, ids=lambda example: example.command.split()[3])
def test_a_command_prints_what_is_shown(served: Served, example: Example, artifact: Artifact) -> None:
    """From a server with default settings."""
    done = subprocess.run(
        ["bash", "-c", here(example.command, served)],
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=True,
    )
    check(done.stdout, example.output, artifact)


@pytest.mark.parametrize(
    ("code", "shown"), PROGRAMS, ids=[re.findall("import (.*)", code)[-1] for code, _ in PROGRAMS]
)
def test_a_program_prints_what_is_shown(served: Served, code: str, shown: str, artifact: Artifact) -> None:
    """With the packages of `make protocols`."""
    done = subprocess.run(
        [str(PYTHON), "-c", here(code, served)],
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "*", "GRPC_VERBOSITY": "NONE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check(done.stdout, shown, artifact)


def test_both_example_bodies_have_the_same_series() -> None:
    """One in the native form and V1's, one in V2's."""
    (series,) = json.loads((ROOT / "docs" / "example.json").read_text())["instances"]
    (tensor,) = json.loads((ROOT / "docs" / "example-v2.json").read_text())["inputs"]
    assert tensor["data"] == series
    assert tensor["shape"] == [1, len(series)]
