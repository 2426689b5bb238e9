"""`python -m training.rederive`: a version's model with a graph that is derived anew, as the next version.

For when the way graphs are derived gets better. The model, its golden answers and its report stay; yet a
version that is out is never altered, so this is one of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from app.contract import CARD_FILE, MODEL_FILE, Artifact, DerivedGraph, open_artifact, sha256_of
from app.errors import ArtifactError
from training.errors import TrainingError
from training.quiet import quiet_import

NOTE = """
## Its graph

All is as in version {version}, but for OpenVINO's graph, derived anew with openvino {openvino}:

```sh
python -m training.rederive model_artifacts/{name}/{version}
```
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the version; the exit code is 0, or 1 for an error a person can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rederive",
        description="Derive a version's OpenVINO graph anew, and publish it as the next version.",
    )
    parser.add_argument("version", type=Path, help="a version folder, such as model_artifacts/forda/2")
    try:
        print(f"sealed {rederive(parser.parse_args(arguments).version)}")
    except (ArtifactError, TrainingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def rederive(folder: Path) -> Path:
    """Publish a version's model with a new graph beside it.

    Args:
        folder: of a version, or of an artifact, whose newest one is taken.

    Returns:
        The new version's folder.

    Raises:
        ArtifactError: the folder is no artifact that can be trusted.
        SealError: the new graph does not give the golden answers; nothing was published.
    """
    old = open_artifact(folder)
    # Before the first import of Keras and TensorFlow, which read them then.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_import():
        import keras

        from training.export import save_openvino
        from training.seal import verify, write_contract
        from training.shelf import new_version

    shelf = old.folder.resolve().parent
    with new_version(shelf) as (new, version):
        graphs = {name for graph in old.contract.derived.values() for name in graph.files}
        kept = old.contract.files.keys() - graphs
        for name in kept:
            shutil.copyfile(old.folder / name, new / name)
        if CARD_FILE in kept:
            with (new / CARD_FILE).open("a", encoding="utf-8") as card:
                card.write(_note(old))
        model = keras.saving.load_model(new / MODEL_FILE, safe_mode=True, compile=False)
        graph = save_openvino(model, new)
        files = {name: sha256_of(new / name) for name in sorted([*kept, *graph])}
        derived = {"openvino": DerivedGraph(files=graph, parent_sha256=files[MODEL_FILE])}
        changed = {"version": version, "files": files, "derived": derived, **_circumstances(old)}
        write_contract(new, old.contract.model_copy(update=changed))
        verify(new)
    return shelf / str(version)


def _circumstances(old: Artifact) -> dict[str, Any]:
    provenance = old.contract.provenance
    versions = {**provenance.versions, "openvino": version_of("openvino")}
    return {
        "created": datetime.now(UTC).replace(microsecond=0),
        "provenance": provenance.model_copy(update={"versions": versions}),
    }


def _note(old: Artifact) -> str:
    contract = old.contract
    return NOTE.format(name=contract.name, version=contract.version, openvino=version_of("openvino"))


if __name__ == "__main__":
    raise SystemExit(main())
