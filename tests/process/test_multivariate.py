"""A model of several channels, sealed by training's own code: opened, proven, and served by a real server."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.cli import main
from app.client import Client
from app.contract import Artifact, open_artifact
from qa.harness.server import ServerProcess, running_server
from tests.conftest import ROOT
from tests.support import plain_http
from tests.support.multivariate import CHANNELS, LENGTH

NPY = {"Content-Type": "application/x-npy"}
TAKES = f"the model takes (n, {LENGTH}, {CHANNELS})"


@pytest.fixture(scope="module")
def multivariate(machine_versions: Path) -> Artifact:
    """A sealed version, with an index of neighbours."""
    return open_artifact(machine_versions / "1")


@pytest.fixture(scope="module")
def machine(multivariate: Artifact) -> Iterator[ServerProcess]:
    """A server of it."""
    with running_server(ARTIFACT=str(multivariate.folder), ENGINE="openvino") as server:
        yield server


def npy(array: NDArray[Any]) -> bytes:
    """An array as the content of a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def ask(server: ServerProcess, body: bytes, *, framework: bool, headers: dict[str, str]) -> httpx.Response:
    """Send a body: with its length, which takes the fast path, or in chunks, which takes the framework's."""
    content = iter([body]) if framework else body
    return plain_http.post(f"{server.url}/predict", content=content, headers=headers)


def probabilities(answer: httpx.Response) -> NDArray[np.float64]:
    """Those of an answer in JSON."""
    predictions = answer.raise_for_status().json()["predictions"]
    return np.array([list(prediction["probabilities"].values()) for prediction in predictions])


def test_what_is_sealed_says_what_it_is(multivariate: Artifact) -> None:
    """Channels and invariance in the contract, golden series of three axes, and answers that differ."""
    contract, golden = multivariate.contract, multivariate.golden
    assert (contract.input.length, contract.input.channels, contract.schema_version) == (LENGTH, CHANNELS, 3)
    assert contract.input.invariant_to_offset_and_scale
    assert golden.series.shape == (len(golden.series), LENGTH, CHANNELS)
    assert np.ptp(golden.probabilities, axis=0).min() > 0.5
    assert multivariate.derived("openvino")


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_every_engine_gives_the_golden_answers(multivariate: Artifact, tmp_path: Path, engine: str) -> None:
    """From `model.keras`, which OpenVINO converts where there is no graph. Embeddings, too."""
    contract = json.loads((multivariate.folder / "contract.json").read_text())
    bare = Path(shutil.copytree(multivariate.folder, tmp_path / "1"))
    (bare / "contract.json").write_text(json.dumps(contract | {"derived": {}}))
    code = (
        "import sys; from pathlib import Path; from app.contract import open_artifact; "
        "from app.contract.neighbours import read_neighbours; "
        "from app.inference.engines import load_embedder, load_engine; "
        "artifact, name = open_artifact(Path(sys.argv[1])), sys.argv[2]; "
        "contract, golden = artifact.contract, artifact.golden; spec = contract.neighbours; "
        "index = read_neighbours(artifact.folder / spec.file, spec, contract.input.spec, "
        "sha256=contract.files[spec.file], golden=len(golden.series), classes=contract.classes); "
        "print(load_engine(artifact, choice=name, max_rows=2).description); "
        "embedder = load_embedder(artifact, spec.embedding, index.golden, engine=name); "
        "print(abs(embedder.predict(golden.series) - index.golden).max() < spec.embedding.tolerance)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bare, engine], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "model.keras" in done.stdout
    assert done.stdout.endswith("True\n")


@pytest.mark.parametrize("framework", [False, True], ids=["fast path", "framework"])
@pytest.mark.parametrize("count", [1, 16])
def test_json_and_npy_get_the_models_own_answers(
    machine: ServerProcess, multivariate: Artifact, count: int, framework: bool
) -> None:
    """One series and many, with channels last, in C and in Fortran order."""
    golden = multivariate.golden
    series, expected = golden.series[:count], golden.probabilities[:count]
    as_json = json.dumps({"instances": series.tolist()}).encode()
    bodies = [(as_json, {"Content-Type": "application/json"})]
    bodies += [(npy(series), NPY), (npy(np.asfortranarray(series.astype(np.float64))), NPY)]
    for body, headers in bodies:
        answer = ask(machine, body, framework=framework, headers=headers)
        np.testing.assert_allclose(probabilities(answer), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("framework", [False, True], ids=["fast path", "framework"])
@pytest.mark.parametrize(
    ("instances", "pointer", "message"),
    [
        ([[[0.5] * 2] * LENGTH], "instances/0/0", "2 values; the model takes 3, one for each channel"),
        ([[[0.5] * 3] * 17 + [[0.5] * 4] * 7], "instances/0/17", "4 values; the model takes 3, one for each"),
        ([[[0.5] * 3] * 23], "instances/0", "23 time steps; the model takes 24"),
        (
            [[0.5] * LENGTH],
            "instances/0/0",
            "expected a list of 3 numbers, one for each channel, got a n",
        ),
        (
            [0.5] * LENGTH,
            "instances",
            "a flat list of numbers; send each series as a list of 24 lists of 3 numbers",
        ),
        ([[[0.5, 0.5, None]] * LENGTH], "instances/0/0/2", "expected a number, got null"),
        ([[[0.5, 0.5, [1]]] * LENGTH], "instances/0/0/2", "expected a number, got a list"),
        ([[[0.5, 1e39, 0.5]] * LENGTH], "instances/0/0/1", "beyond the range of float32"),
        ([None], "instances/0", "expected a list of 24 lists of 3 numbers, got null"),
        ({}, "instances", "expected a list of series, got an object"),
    ],
)
def test_json_of_the_wrong_shape_gets_an_error_with_its_place(
    machine: ServerProcess, instances: Any, pointer: str, message: str, framework: bool
) -> None:
    """As for one channel: the first wrong place of each series, in the same words on both paths."""
    body = json.dumps({"instances": instances}).encode()
    answer = ask(machine, body, framework=framework, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    first = answer.json()["violations"][0]
    assert first["pointer"] == pointer
    assert first["message"].startswith(message)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((LENGTH, CHANNELS), "(24, 3); send a single series as array.reshape(1, 24, 3)"),
        ((2, LENGTH), f"(2, 24); {TAKES}"),
        ((2, LENGTH, 1), f"(2, 24, 1); {TAKES}"),
        ((2, CHANNELS, LENGTH), f"(2, 3, 24); {TAKES}"),
        ((2, LENGTH - 1, CHANNELS), "23 time steps; the model takes 24"),
        ((0, LENGTH, CHANNELS), "no series; send at least 1"),
        ((1, 1, LENGTH, CHANNELS), f"(1, 1, 24, 3); {TAKES}"),
    ],
)
def test_npy_of_the_wrong_shape_gets_an_error_with_the_right_one(
    machine: ServerProcess, shape: tuple[int, ...], message: str
) -> None:
    """Three axes, channels last."""
    answer = ask(machine, npy(np.zeros(shape, np.float32)), framework=False, headers=NPY)
    assert answer.json()["violations"] == [{"pointer": "shape", "message": message}]


def test_the_documents_show_the_shape(machine: ServerProcess) -> None:
    """The model's description, the schema with its bounds, and an example that gives the example's answer."""
    described = plain_http.get(f"{machine.url}/model").json()["contract"]
    assert (described["input"]["length"], described["input"]["channels"]) == (LENGTH, CHANNELS)
    document = plain_http.get(f"{machine.url}/openapi.json").json()
    items = document["components"]["schemas"]["PredictRequest"]["properties"]["instances"]["items"]
    assert (items["minItems"], items["maxItems"]) == (LENGTH, LENGTH)
    assert (items["items"]["minItems"], items["items"]["maxItems"]) == (CHANNELS, CHANNELS)
    assert items["items"]["items"]["type"] == "number"
    operation = document["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]
    assert f"shape (n, {LENGTH}, {CHANNELS})" in content["application/x-npy"]["description"]
    answer = plain_http.post(f"{machine.url}/predict", json=content["application/json"]["example"])
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    np.testing.assert_allclose(
        probabilities(answer),
        [list(prediction["probabilities"].values()) for prediction in shown["predictions"]],
        rtol=0,
        atol=1e-3,
    )


def test_the_client_sends_three_axes(machine: ServerProcess, multivariate: Artifact) -> None:
    """Each channel with an offset and a scale of its own, which its answers do not depend on."""
    golden = multivariate.golden
    changed = golden.series.astype(np.float64) * [1.0, 1e-40, 1e6] + [1e6, 0.0, -1e9]
    with Client(machine.url) as client:
        predictions = client.predict(changed)
        found = [list(prediction.probabilities.values()) for prediction in predictions]
        np.testing.assert_allclose(found, golden.probabilities, rtol=0, atol=1e-3)
        constant = golden.series[:1].copy()
        constant[..., 1] = 7.0
        [warning] = client.predict(constant)[0].warnings
        assert (warning.code, warning.message) == ("flat", "All values of a channel are equal.")
        assert len(client.predict(golden.series[0])) == 1  # a single one, without its axis


@pytest.mark.parametrize(
    ("shape", "code", "said"),
    [((2, LENGTH, CHANNELS), 0, ""), ((2, LENGTH), 1, TAKES)],
)
def test_a_file_has_the_models_channels_or_is_refused_in_one_line(
    machine: ServerProcess,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    shape: tuple[int, ...],
    code: int,
    said: str,
) -> None:
    """`python -m app predict` reads arrays of several channels, which are the model's own."""
    np.save(tmp_path / "a.npy", np.arange(np.prod(shape), dtype=np.float64).reshape(shape))
    assert main(["predict", str(tmp_path / "a.npy"), "--url", machine.url]) == code
    found = capsys.readouterr()
    assert len(found.out.splitlines()) == (2 if code == 0 else 0)
    assert len(found.err.splitlines()) == code
    assert said in found.err
