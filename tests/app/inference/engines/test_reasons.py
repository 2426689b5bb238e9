"""What a runtime says of a model that it refuses is shown whole, on one line."""

from __future__ import annotations

import dataclasses
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact, open_artifact
from app.errors import AppError, EngineError
from app.inference.engines import load_engine
from app.inference.engines.openvino import OpenVINOEngine
from app.inference.engines.tensorflow import TensorFlowEngine
from tests.app.contract.hostile import edit_contract, npy_file, seal_anew, with_golden
from tests.app.inference.engines.keras.hostile import set_dense, with_config
from tests.conftest import ROOT

Break = Callable[[Path], object]


def in_xml(pattern: str, replacement: str) -> Break:
    """Another text in the graph's first place that has one."""

    def change(folder: Path) -> None:
        path = folder / "openvino.xml"
        text, times = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1)
        assert times == 1
        path.write_text(text, encoding="utf-8")

    return change


def cut(name: str) -> Break:
    """The first half of a file."""

    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return change


GRAPHS: dict[str, tuple[Break, str]] = {
    "graph cut off": (cut("openvino.xml"), "(Start-end tags mismatch|Error parsing element attribute)"),
    "no graph": (lambda folder: (folder / "openvino.xml").write_bytes(b"\x1b[31m"), "Unable to read the"),
    "weights too short": (cut("openvino.bin"), "Incorrect weights in bin file"),
    "no weights": (lambda folder: (folder / "openvino.bin").write_bytes(b""), "weights"),
    "weights of another size": (
        in_xml(r'(<data element_type="f32" shape="1, 1, 1" offset="0" size=")4"', r'\g<1>2"'),
        "Attribute and shape size are inconsistent",
    ),
    "unknown operation": (in_xml('type="MatMul"', 'type="Nonsense"'), "operation with type: Nonsense"),
    "operation of another shape": (in_xml('type="MatMul"', 'type="Convolution"'), "filters rank"),
}  # fmt: skip


@pytest.fixture
def folder(artifact: Artifact, tmp_path: Path) -> Path:
    """A copy of the committed version folder."""
    return Path(shutil.copytree(artifact.folder, tmp_path / "copy"))


@pytest.mark.parametrize("name", GRAPHS)
def test_openvinos_own_reason_is_shown(folder: Path, name: str) -> None:
    """Its first line says only where in its own source an error was raised."""
    change, reason = GRAPHS[name]
    change(folder)
    for file in ("openvino.xml", "openvino.bin"):
        seal_anew(folder, file)
    with pytest.raises(EngineError, match=f"openvino refuses the graph: .*{reason}") as info:
        OpenVINOEngine(open_artifact(folder), max_rows=1)
    assert str(info.value).isprintable()


def test_a_graph_that_is_not_used_is_logged_with_the_reason(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warning is all that an operator sees of it where the model file serves instead."""
    cut("openvino.bin")(folder)
    seal_anew(folder, "openvino.bin")
    monkeypatch.setitem(sys.modules, "keras", None)  # the process may have it on another backend
    with caplog.at_level(logging.WARNING), pytest.raises(EngineError, match="needs Keras"):
        load_engine(open_artifact(folder), choice="openvino", max_rows=1)
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("sealed graph not used: openvino refuses the graph: ")
    assert "Incorrect weights in bin file!" in line
    assert line.isprintable()


REFUSED = """
import sys
from pathlib import Path
from app.inference.engines.keras.file import load_model
from app.errors import AppError
for path in sys.argv[1:]:
    try:
        load_model(Path(path))
    except AppError as error:
        print(error)
"""


def on_tensorflow(artifact: Artifact, files: Sequence[Path]) -> list[str]:
    """The lines for these model files, from this process."""
    lines = []
    for file in files:
        with pytest.raises(AppError) as refusal:
            TensorFlowEngine(dataclasses.replace(artifact, folder=file.parent), max_rows=1, threads=0)
        lines.append(str(refusal.value))
    return lines


def on_openvino(artifact: Artifact, files: Sequence[Path]) -> list[str]:
    """The same from a process of its own: Keras has one backend in each."""
    del artifact
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, *map(str, files)],
        cwd=ROOT,
        env={"KERAS_BACKEND": "openvino", "PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("load", [on_openvino, on_tensorflow])
def test_keras_own_reason_is_shown(
    artifact: Artifact, tmp_path: Path, load: Callable[[Artifact, Sequence[Path]], list[str]]
) -> None:
    """It is the last line of many; and the copy that Keras read has a path that nobody knows."""
    changes = {
        "units": (set_dense(units=-1), "Received an invalid value for `units`, expected a positive integer"),
        "name": (set_dense(nonsense=1), "Unrecognized keyword arguments passed to Dense: {'nonsense': 1}"),
    }
    files = []
    for name, (change, _) in changes.items():
        (tmp_path / name).mkdir()
        files.append(with_config(artifact.model_path, tmp_path / name / "model.keras", change))
    lines = load(artifact, files)
    for file, line, (_, reason) in zip(files, lines, changes.values(), strict=True):
        assert line.startswith(f"{file}: cannot be loaded: ")
        assert line.isprintable()
        assert reason in line
        assert len(line) < len(str(file)) + 1100
        assert "/tmp/tmp" not in line  # noqa: S108


@pytest.fixture
def shorter(folder: Path) -> Path:
    """A contract of another length than the model's: each runtime raises what it likes."""

    def shorten(contract: dict[str, Any]) -> None:
        contract["input"].update(length=7)
        for part in ("explanation_reference", "extra_outputs", "drift_reference"):
            del contract[part]

    edit_contract(folder, shorten)
    with_golden(folder, series=npy_file(np.zeros((len(open_golden(folder)), 7), np.float32)))
    return folder


WRONG_LENGTH = "expected shape=(None, 500, 1), found shape=("


def test_a_model_that_openvino_fails_on_gives_one_line(shorter: Path, root: Path) -> None:
    """All that `check` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "check"],
        cwd=root,
        env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3", "ARTIFACT": str(shorter), "ENGINE": "openvino"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert str(shorter) in line
    assert WRONG_LENGTH in line
    assert "/tmp/tmp" not in line  # noqa: S108


def test_a_model_that_tensorflow_fails_on_gives_one_line(shorter: Path) -> None:
    """The message of the error, which commands print."""
    with pytest.raises(AppError) as refusal:
        load_engine(open_artifact(shorter), choice="tensorflow", max_rows=1, threads=0)
    line = str(refusal.value)
    assert line.isprintable()
    assert str(shorter) in line
    assert WRONG_LENGTH in line
    assert "/tmp/tmp" not in line  # noqa: S108


def open_golden(folder: Path) -> NDArray[np.float32]:
    """The golden series."""
    with np.load(folder / "golden.npz") as arrays:
        return np.asarray(arrays["series"], np.float32)
