"""The image check finds what is wrong with an image; here with a real server in the place of a container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from app.contract import Artifact
from deploy.check import LIMITS, CheckFailed, check
from qa.harness.server import ServerProcess

GOOD = {
    "uid": 10001,
    "gid": 10001,
    "bytes_total": 3_000_000,
    "bytes_packages": 1_000_000,
    "bytes_service": 1_000_000,
    "importable": [],
    "written": [],
    "packages": 27,
    "without_notice": [],
}


@dataclass
class FakeContainer:
    """A container that answers as a server does and looks inside as it is told."""

    url: str
    probe: dict[str, object] = field(default_factory=dict)
    health_code: int = 0
    exit_code: int = 0
    removed: bool = False

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The health command, or the probe."""
        if command[-1] == "health":
            return subprocess.CompletedProcess(command, self.health_code, "", "not ready")
        return subprocess.CompletedProcess(command, 0, json.dumps(GOOD | self.probe), "")

    def logs(self) -> str:
        """Its last words."""
        return "its last words"

    def running(self) -> bool:
        """It always does."""
        return True

    def stop(self, *, timeout: int) -> int:
        """It ends as it is told."""
        assert timeout > 0
        return self.exit_code

    def remove(self) -> None:
        """Is noted."""
        self.removed = True


@dataclass
class FakeEngine:
    """An engine with one container."""

    container: FakeContainer
    name: str = "fake"

    def build(self, tag: str, arguments: Sequence[str]) -> None:
        """Nothing builds here."""
        raise NotImplementedError

    def start(self, tag: str, environment: Mapping[str, str]) -> FakeContainer:
        """The container, whatever it is asked to run."""
        assert (tag, environment) == ("image:cpu", {})
        return self.container


def test_a_good_image_gets_a_table(
    server: ServerProcess, artifact: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each check, and nothing is left behind."""
    container = FakeContainer(server.url)
    check(FakeEngine(container), "image:cpu", "cpu", artifact.folder)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "image:cpu with fake"
    assert [line.split()[0] for line in lines] == [
        *("ready", "answers", "health", "user", "size", "excluded", "notices", "written", "SIGTERM")
    ]
    assert f"{len(artifact.golden.series)} golden series" in lines[1]
    assert container.removed


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"probe": {"uid": 0}}, "runs as user 0 and group 10001"),
        ({"probe": {"bytes_total": LIMITS["cpu"] + 1}}, "too large: 450 MB of 450 MB allowed"),
        ({"probe": {"importable": ["tensorflow"]}}, "contains tensorflow, which the server does not need"),
        ({"probe": {"without_notice": ["h11 0.16.0"]}}, "THIRD_PARTY_NOTICES.txt does not name h11 0.16.0"),
        ({"probe": {"written": ["/srv/x"]}}, "wrote to the root file system: /srv/x"),
        ({"health_code": 1}, "the health command exits with 1: not ready"),
        ({"exit_code": 137}, "exit code 137 after SIGTERM:\nits last words"),
    ],
)
def test_what_is_wrong_is_reported(
    server: ServerProcess, artifact: Artifact, fault: dict[str, object], words: str
) -> None:
    """Each fault ends the check with words that name it, and the container is removed all the same."""
    container = FakeContainer(server.url, **fault)  # type: ignore[arg-type]
    with pytest.raises(CheckFailed) as failure:
        check(FakeEngine(container), "image:cpu", "cpu", artifact.folder)
    assert words in str(failure.value)
    assert container.removed
