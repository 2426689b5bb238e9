"""Keys for tests of signatures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

# model-signing 1.1 imports pyOpenSSL without naming it among what it needs.
_MISSING = [name for name in ("model_signing", "OpenSSL") if find_spec(name) is None]
needs_model_signing = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")


class Keys(NamedTuple):
    """The PEM files of a pair of keys."""

    private: Path
    public: Path


def make_keys(folder: Path) -> Keys:
    """Write a new pair of keys into a new folder."""
    folder.mkdir()
    keys = Keys(folder / "private.pem", folder / "public.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    keys.private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    keys.public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return keys
