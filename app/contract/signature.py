"""Signatures of version folders by OpenSSF model-signing, with a pair of elliptic-curve keys.

The signature is a file beside the others, in that project's format: its own command can check it, too. It
covers `contract.json` and every file that this names, and says which other files were ignored. Keys are PEM
files; no network is used.
"""

from __future__ import annotations

import uuid
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.contract.files import read_file
from app.contract.schema import CONTRACT_FILE
from app.contract.wording import reason_of
from app.errors import ArtifactError

if TYPE_CHECKING:  # it imports this module
    from app.contract.artifact import Artifact

SIGNATURE_FILE = "model.sig"
# A signature of a thousand files has about 200 kB.
MAX_SIGNATURE_BYTES = 4 * 1024 * 1024


def sign(artifact: Artifact, private_key: Path) -> Path:
    """Sign a version folder; an earlier signature is replaced at once.

    Args:
        artifact: the opened version: its digests were checked.
        private_key: PEM file of an elliptic-curve key (P-256, P-384 or P-521) without a password.

    Returns:
        The signature's file.

    Raises:
        ArtifactError: the key cannot be used, the package is missing, or the file cannot be written.
    """
    signed = {CONTRACT_FILE, *artifact.contract.files}
    signature = artifact.folder / SIGNATURE_FILE
    new = signature.with_name(f".{uuid.uuid4().hex}.partial")
    config, hashing = _signing_config(private_key), _package("signing", "hashing")
    others = [path.name for path in artifact.folder.iterdir() if path.name not in signed]
    ignored = {SIGNATURE_FILE, new.name, *others}
    hashed = hashing.Config().set_ignored_paths(paths=sorted(ignored), ignore_git_paths=False)
    try:
        config.set_hashing_config(hashed.set_allow_symlinks(True)).sign(artifact.folder, new)
        new.replace(signature)
    except OSError as error:
        raise ArtifactError(f"{signature}: cannot be written ({error.strerror})") from error
    finally:
        new.unlink(missing_ok=True)
    return signature


def check_private_key(private_key: Path) -> None:
    """Check that a key can sign, before hours of work depend on it.

    Raises:
        ArtifactError: it cannot be used, or the package is missing.
    """
    _signing_config(private_key)


def verify_signature(folder: Path, public_key: Path) -> None:
    """Check that a version folder has a valid signature, and is what was signed.

    Args:
        folder: of the version.
        public_key: PEM file.

    Raises:
        ArtifactError: one line: the version is not signed, or not by this key, or was altered since; the key
            cannot be used; or the package is missing.
    """
    signature = folder / SIGNATURE_FILE
    if not signature.is_file():
        raise ArtifactError(f"{folder}: not signed: it has no {SIGNATURE_FILE}; sign it with `artifact sign`")
    read_file(signature, most=MAX_SIGNATURE_BYTES)  # the package would read any size
    verifying = _package("REQUIRE_SIGNATURE", "verifying")
    try:
        config = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    except Exception as error:
        reason = reason_of(error)
        raise ArtifactError(
            f"{public_key}: not a usable public key ({reason}); check REQUIRE_SIGNATURE"
        ) from error
    try:
        config.verify(folder, signature)
    # A signature comes from outside: whatever its parsers and checks raise, the version is refused.
    except Exception as error:
        problem = _problem(str(error))
        raise ArtifactError(
            f"{signature}: {problem}; serve the version that was signed, or sign this one"
        ) from error


def _problem(text: str) -> str:
    if text.startswith("Signature mismatch"):
        return "files differ from those that were signed"
    if "Key mismatch" in text:
        return "signed with another key than that of REQUIRE_SIGNATURE"
    return "not a valid signature"


def _signing_config(private_key: Path) -> Any:
    signing = _package("signing", "signing")
    try:
        return signing.Config().use_elliptic_key_signer(private_key=private_key)
    # Every kind of broken key has its own error.
    except Exception as error:
        raise ArtifactError(f"{private_key}: not a usable private key ({reason_of(error)})") from error


def _package(what: str, module: str) -> Any:
    """A module of model-signing, which takes a second to import."""
    try:
        return import_module(f"model_signing.{module}")
    except ModuleNotFoundError as error:
        raise ArtifactError(
            f"{what} needs the package model-signing; install requirements/extras/signatures.txt (no module "
            f"named {error.name})"
        ) from error
