"""`python -m training.artifact.rederive`: derive the OpenVINO graph of a version again, as the next version.

Use it when the derivation of graphs has improved. The model, its golden answers and its report stay the same.
A published version is never changed, so the new graph gets a version of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version as version_of
from pathlib import Path

from app.contract import CARD_FILE, MODEL_FILE, Artifact, Provenance, open_artifact
from training.cli.command import print_line, run_command
from training.cli.runtime_import import runtime_import
from training.files.write_errors import storage_errors

NOTE = """
## Graph

Everything is as in version {version}, except the OpenVINO graph, which openvino {openvino} derived again:

```sh
python -m training.artifact.rederive model_artifacts/{name}/{version}
```
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish the new version; the exit codes are those of `run_command`."""
    parser = argparse.ArgumentParser(
        prog="python -m training.artifact.rederive",
        description="Derive the OpenVINO graph of a version again, and publish it as the next version.",
    )
    parser.add_argument("version", type=Path, help="version folder, such as model_artifacts/forda/2")
    folder = parser.parse_args(arguments).version
    return run_command(lambda: _run(folder))


def _run(folder: Path) -> int:
    print_line(f"sealed {rederive(folder)}")
    return 0


def rederive(folder: Path) -> Path:
    """Publish a version's model with a new graph beside it.

    Args:
        folder: of a version, or of an artifact (then the newest version).

    Returns:
        The new version's folder.

    Raises:
        ArtifactError: the folder is no valid artifact, or Keras refuses its model.
        SealError: the new graph does not give the golden answers; nothing was published.
        StorageError: the version cannot be written; nothing was published.
    """
    old = open_artifact(folder)
    with runtime_import():
        from training.artifact.export import open_keras, save_openvino
        from training.artifact.seal import open_sealed, stamp, verify, write_contract
        from training.artifact.version_folder import new_version

    artifact_folder = old.folder.resolve().parent
    with new_version(artifact_folder, open_sealed) as (new, version):
        graphs = {name for graph in old.contract.derived.values() for name in graph.files}
        copied = old.contract.files.keys() - graphs
        for name in copied:
            # Not `shutil.copyfile`, whose error names the old file if the new one cannot be written.
            with storage_errors(new / name):
                (new / name).write_bytes((old.folder / name).read_bytes())
        with storage_errors(new / CARD_FILE):
            if CARD_FILE in copied:
                with (new / CARD_FILE).open("a", encoding="utf-8") as card:
                    card.write(_note(old))
        graph = save_openvino(open_keras(new / MODEL_FILE), new)
        updated = stamp(new, [*copied, *graph], version=version) | {"provenance": _provenance(old)}
        with storage_errors(new):
            write_contract(new, old.contract.model_copy(update=updated))
        verify(new)
    return artifact_folder / str(version)


def _provenance(old: Artifact) -> Provenance:
    provenance = old.contract.provenance
    versions = {**provenance.versions, "openvino": version_of("openvino")}
    return provenance.model_copy(update={"versions": versions})


def _note(old: Artifact) -> str:
    contract = old.contract
    return NOTE.format(name=contract.name, version=contract.version, openvino=version_of("openvino"))


if __name__ == "__main__":
    raise SystemExit(main())
