"""The command `artifact`, and `use`, on a real object store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import main
from app.contract import open_artifact
from tests.app.cli.test_commands import run
from tests.conftest import ROOT
from tests.support.object_stores import ObjectStoreServer
from tests.support.signing import make_keys, needs_model_signing
from tests.support.versions import add_version


def test_versions_are_published_listed_chosen_and_pulled(
    seaweed: ObjectStoreServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The operator's commands; what they print on standard output can be read by scripts."""
    small, url = open_artifact(ROOT / "model_artifacts" / "forda" / "1"), seaweed.folder()
    for name, value in {**seaweed.environment, "ARTIFACT": url}.items():
        monkeypatch.setenv(name, value)

    def succeed(*arguments: str) -> tuple[str, str]:
        assert main(arguments) == 0
        said = capsys.readouterr()
        return said.out, said.err

    for number in (1, 2):
        folder = add_version(tmp_path, number, small)
        said = f"{url}/{number} is published; servers load it within RELOAD_SECONDS or at SIGHUP\n"
        assert succeed("artifact", "publish", str(folder), url) == ("", said)
    assert f"{url}/1 is chosen" in succeed("use", "1")[1]
    rows = json.loads(succeed("artifact", "list", "--json")[0])
    states = [(row["version"], row["name"], row["state"]) for row in rows]
    assert states == [(1, "forda", "served"), (2, "forda", "")]
    pulled = tmp_path / "pulled"
    assert succeed("artifact", "pull", url, str(pulled)) == (f"{pulled / '1'}\n", "")
    assert open_artifact(pulled / "1").contract.version == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("artifact", "publish", "no-such", "s3://bucket/x"), "no-such: no such folder"),
        (("artifact", "publish", "model_artifacts/forda/1", "https://host/x"), "has no conditional writes"),
        (
            ("artifact", "pull", "s3://bucket/x", "x", "--version", "01"),
            "'01' is not a version; use a number",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 1; nothing is written."""
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert line in said.err
    assert len(said.err.splitlines()) == 1


@needs_model_signing
def test_a_signed_version_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With REQUIRE_SIGNATURE, `serve` refuses a version that `artifact sign` has not signed."""
    folder = add_version(tmp_path, 1, open_artifact(ROOT / "model_artifacts" / "forda" / "1"))
    keys = make_keys(tmp_path / "keys")
    environment = {"ARTIFACT": str(folder), "REQUIRE_SIGNATURE": str(keys.public), "PORT": "0"}
    done = run("serve", **environment)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert f"{folder}: not signed: it has no model.sig" in done.stderr
    assert main(["artifact", "sign", str(folder), "--key", str(keys.private)]) == 0
    assert capsys.readouterr().out == f"{folder}/model.sig\n"
    assert "golden answers reproduced" in run("check", **environment).stderr
