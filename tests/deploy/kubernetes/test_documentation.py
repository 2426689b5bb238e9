"""docs/kubernetes.md is true: its commands run where they need no cluster, and what it names exists."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from app.server.serve import END_SECONDS, GRACE_SECONDS
from app.settings import Settings
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess
from tests.deploy.kubernetes.manifests import FOLDER, OVERLAYS, Resource, container, environment, render
from tests.deploy.kubernetes.test_schemas import VERSIONS
from tests.docs.pages import Page, blocks

PAGE = Page("docs/kubernetes.md")
BLOCKS = blocks(PAGE.text, "sh")
LINES = [line for block in BLOCKS for line in block.splitlines()]
# They need a cluster, or an engine that builds images.
NOT_RUN = ("kubectl apply ", "kubectl --namespace forda ", "make ")
RUN = ("mkdir ", "kubectl kustomize ", "curl ")
# Of KServe, and of object stores.
OTHERS = {"STORAGE_URI"}


def block_with(text: str) -> str:
    """The one block of commands with a text in it."""
    (found,) = (block for block in BLOCKS if text in block)
    return found


@pytest.fixture(scope="module")
def production(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """What the reader's own folder renders, after the commands of the page."""
    folder: Path = tmp_path_factory.mktemp("reader")
    shutil.copytree(FOLDER, folder / "deploy" / "kubernetes")
    subprocess.run(["sh", "-ec", block_with("mkdir")], cwd=folder, check=True)
    (shown,) = block_with("kubectl kustomize").splitlines()
    return render(kubectl, folder / shlex.split(shown)[-1])


def test_every_command_is_known_to_these_tests() -> None:
    """Each block begins with one that runs below, or with one that cannot run without a cluster."""
    assert all(block.startswith((*RUN, *NOT_RUN)) for block in BLOCKS)
    assert all(any(block.startswith(command) for block in BLOCKS) for command in ("mkdir ", "kubectl apply "))


def test_the_readers_folder_has_what_the_reader_set(production: list[Resource]) -> None:
    """Namespace, image, setting and autoscaler; the namespace enforces the Restricted standard."""
    (namespace,) = (resource for resource in production if resource["kind"] == "Namespace")
    assert namespace["metadata"]["name"] == "forda"
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    others = [resource for resource in production if resource["kind"] != "Namespace"]
    assert {resource["metadata"]["namespace"] for resource in others} == {"forda"}
    image = container(production)["image"]
    assert f"newName: {image.rpartition(':')[0]}\n" in block_with("mkdir")
    assert environment(production)["LOG_LEVEL"] == "warning"
    assert "HorizontalPodAutoscaler" in {resource["kind"] for resource in production}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("kubectl ")])
def test_every_option_of_kubectl_exists(kubectl: str, line: str) -> None:
    """Commands that need a cluster are not run; kubectl's help knows them and their options."""
    words = [word for word in shlex.split(line)[1:] if word != "forda"]
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    (command, *_) = (word for word in words if not word.startswith("-"))
    nested = {"rollout": ["status"], "create": ["secret", "generic"]}
    path = [command, *nested.get(command, ())]
    done = subprocess.run([kubectl, *path, "--help"], capture_output=True, text=True, check=True)
    shared = subprocess.run([kubectl, "options"], capture_output=True, text=True, check=True).stdout
    for option in options:
        assert re.search(rf"^\s+(-\w, )?{option}[=,]", done.stdout + shared, flags=re.MULTILINE), option


def test_the_secret_has_the_credentials_of_the_file(kubectl: str, tmp_path: Path) -> None:
    """Each line of the file is a key; the Job reads the Secret of that name."""
    (tmp_path / "store.env").write_text("AWS_ACCESS_KEY_ID=a\n", encoding="utf-8")
    (command,) = (line for line in LINES if "create secret" in line)
    words = [kubectl, *shlex.split(command)[1:], "--dry-run=client", "--output=json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    secret = json.loads(done.stdout)
    assert secret["data"].keys() == {"AWS_ACCESS_KEY_ID"}
    (source,) = container(render(kubectl, FOLDER / "overlays" / "score"))["envFrom"]
    assert source["secretRef"]["name"] == secret["metadata"]["name"]


def test_the_request_gets_predictions(server: ServerProcess) -> None:
    """The curl command, but for the address."""
    (command,) = (line for line in LINES if line.startswith("curl "))
    words = shlex.split(command.replace("http://127.0.0.1:8000", server.url))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout)["predictions"]


def test_every_setting_exists() -> None:
    """Names in capitals are settings."""
    names = {code for code in PAGE.code if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)+", code)}
    assert {name.lower() for name in names - OTHERS} <= set(Settings.model_fields)


def test_every_folder_is_described() -> None:
    """The table of folders has the base and every overlay, and no other."""
    listed = re.findall(r"^\| `([a-z/]+)` \|", PAGE.text, flags=re.MULTILINE)
    assert listed == [
        "base",
        *(f"overlays/{name}" for name in ("gpu", "monitoring", "hpa", "keda", "kserve", "score")),
    ]
    assert set(listed) == {"base", *(f"overlays/{name}" for name in OVERLAYS)}


def test_the_versions_are_those_that_are_validated() -> None:
    """The page lists the versions of Kubernetes of `test_schemas.py`."""
    assert f"kinds of Kubernetes {', '.join(VERSIONS)} |" in PAGE.text
    assert f"Kubernetes {VERSIONS[0]} or later" in PAGE.text


def test_the_times_of_a_stop_are_those_of_the_base(kubectl: str) -> None:
    """The table of a stop has preStop, DRAIN_DELAY and DRAIN_TIMEOUT of the manifests."""
    base = render(kubectl, FOLDER / "base")
    own, given = container(base), environment(base)
    seconds = re.findall(r"^\| (?:at most )?(\d+) \| [^|]+ \|$", PAGE.text, flags=re.MULTILINE)
    before = own["lifecycle"]["preStop"]["sleep"]["seconds"]
    end = str(GRACE_SECONDS + END_SECONDS)
    assert seconds == [str(before), given["DRAIN_DELAY"], given["DRAIN_TIMEOUT"], end]
