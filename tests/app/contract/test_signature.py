"""Signatures of version folders: what was signed is served, anything else is refused with one line."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.contract import CONTRACT_FILE, SIGNATURE_FILE, open_artifact, sha256_of, sign
from app.errors import ArtifactError
from tests.conftest import ROOT
from tests.support.signing import Keys, make_keys, needs_model_signing

SMALL = ROOT / "model_artifacts" / "forda" / "1"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A pair of keys."""
    return make_keys(tmp_path / "keys")


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A copy of a version folder, with a file that its contract does not name."""
    folder = Path(shutil.copytree(SMALL, tmp_path / "1"))
    (folder / "notes.txt").write_text("mine")
    return folder


@needs_model_signing
def test_a_signed_version_is_opened(version: Path, keys: Keys) -> None:
    """In any folder, without files that its contract does not name; a second signature replaces the first."""
    for _ in range(2):
        assert sign(open_artifact(version), keys.private) == version / SIGNATURE_FILE
    (version / "notes.txt").unlink()
    moved = version.rename(version.with_name("elsewhere"))
    assert open_artifact(moved, public_key=keys.public).contract.version == 1
    assert open_artifact(moved).contract.version == 1
    assert not list(moved.glob(".*"))


def add_a_file(version: Path) -> None:
    """A file beside the signed ones."""
    (version / "openvino.xml.bak").write_text("x")


def change_the_model(version: Path) -> None:
    """The model and its digest in the contract: all digests agree."""
    model = version / "model.keras"
    model.write_bytes(model.read_bytes() + b"x")
    contract = json.loads((version / CONTRACT_FILE).read_text())
    contract["files"]["model.keras"] = sha256_of(model)
    (version / CONTRACT_FILE).write_text(json.dumps(contract))


def break_the_signature(version: Path) -> None:
    """A byte of it."""
    text = (version / SIGNATURE_FILE).read_text()
    (version / SIGNATURE_FILE).write_text(text.replace('"sig":"', '"sig":"AA'))


def remove_the_signature(version: Path) -> None:
    """As if it had never been signed."""
    (version / SIGNATURE_FILE).unlink()


@needs_model_signing
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (add_a_file, "files differ from those that were signed"),
        (change_the_model, "files differ from those that were signed"),
        (break_the_signature, "not a valid signature"),
        (lambda version: (version / SIGNATURE_FILE).write_text("{}"), "not a valid signature"),
        (lambda version: (version / SIGNATURE_FILE).write_bytes(b"\xff"), "not a valid signature"),
        (remove_the_signature, "not signed: it has no model.sig; sign it with `artifact sign`"),
    ],
)
def test_an_altered_version_is_refused(
    version: Path, keys: Keys, change: Callable[[Path], object], problem: str
) -> None:
    """One line, with the place."""
    sign(open_artifact(version), keys.private)
    change(version)
    with pytest.raises(ArtifactError, match=re.escape(problem)) as caught:
        open_artifact(version, public_key=keys.public)
    assert str(caught.value).startswith(str(version))
    assert "\n" not in str(caught.value)


@needs_model_signing
def test_another_key_is_refused(version: Path, keys: Keys, tmp_path: Path) -> None:
    """A signature is valid for one key alone."""
    sign(open_artifact(version), keys.private)
    other = make_keys(tmp_path / "other")
    with pytest.raises(ArtifactError, match="signed with another key than that of REQUIRE_SIGNATURE"):
        open_artifact(version, public_key=other.public)


@needs_model_signing
def test_files_that_are_no_keys_are_said(version: Path, keys: Keys, tmp_path: Path) -> None:
    """They are missing, of another kind, or have a password."""
    locked = tmp_path / "locked.pem"
    encryption = serialization.BestAvailableEncryption(b"secret")
    form = serialization.PrivateFormat.PKCS8
    key = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
    for path in (tmp_path / "no-such", version / "notes.txt", keys.public, locked):
        with pytest.raises(ArtifactError, match=f"{path}: not a usable private key") as caught:
            sign(open_artifact(version), path)
        assert "\n" not in str(caught.value)
    sign(open_artifact(version), keys.private)
    for path in (tmp_path / "no-such", version / "notes.txt", keys.private):
        with pytest.raises(
            ArtifactError, match=f"{path}: not a usable public key .* check REQUIRE_SIGNATURE"
        ):
            open_artifact(version, public_key=path)


def test_without_the_package_the_error_names_what_to_install(
    version: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is served unchecked."""
    (version / SIGNATURE_FILE).write_text("{}")
    monkeypatch.setitem(sys.modules, "model_signing", None)
    for module in ("signing", "hashing", "verifying"):
        monkeypatch.delitem(sys.modules, f"model_signing.{module}", raising=False)
    with pytest.raises(ArtifactError, match=r"REQUIRE_SIGNATURE needs .* requirements/extras/signatures"):
        open_artifact(version, public_key=keys.public)
    with pytest.raises(ArtifactError, match="signing needs the package model-signing; install"):
        sign(open_artifact(version), keys.private)
