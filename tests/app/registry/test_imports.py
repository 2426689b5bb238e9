"""What only stores and signatures need is not imported by a server of a folder."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_a_server_of_a_folder_imports_neither_obstore_nor_model_signing() -> None:
    """Nor what they need."""
    code = (
        "import sys, app.main, app.server.worker, app.cli.commands.artifact\n"
        "print(sorted({'obstore', 'model_signing', 'sigstore', 'cryptography'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
