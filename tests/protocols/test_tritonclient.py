"""Unmodified tritonclient in its four forms: HTTP and gRPC, each for threads and for asyncio."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.contract import Artifact
from app.version import server_version
from tests.protocols.clients import GRPC, HTTP, TRITON
from tests.protocols.conftest import Served
from tests.protocols.expected import check_answer, check_refusal, status

FORMS = pytest.mark.parametrize("script", TRITON)
HTTP_FORMS = pytest.mark.parametrize("script", HTTP)
GRPC_FORMS = pytest.mark.parametrize("script", GRPC)


@FORMS
def test_health_and_readiness(served: Served, script: str) -> None:
    """Ready is the server, the model and its version; not ready is what there is not."""
    seen = served.by(script)
    assert [seen[name] for name in ("server live", "server ready", "model ready", "version ready")] == [
        True
    ] * 4
    assert [seen["unknown model ready"], seen["unknown version ready"]] == [False, False]


@FORMS
def test_the_servers_metadata(served: Served, script: str) -> None:
    """With the extensions that clients ask for before they use them."""
    found = served.by(script)["server metadata"]
    assert found["name"]
    assert found["version"] == server_version()
    assert {"binary_tensor_data", "classification", "model_repository", "statistics"} <= set(
        found["extensions"]
    )


@FORMS
def test_the_models_metadata(served: Served, script: str, artifact: Artifact) -> None:
    """Datatypes, shapes and versions, as the client needs them to make its tensors."""
    seen, contract = served.by(script), artifact.contract
    for name in ("model metadata", "version metadata"):
        found = seen[name]
        assert (found["name"], found["versions"]) == (contract.name, [str(contract.version)])
        tensors = {
            each["name"]: (each["datatype"], _sizes(each)) for each in (*found["inputs"], *found["outputs"])
        }
        assert tensors == {
            contract.input.name: ("FP32", [-1, contract.input.length]),
            "probabilities": ("FP32", [-1, contract.classes]),
            "label": ("BYTES", [-1]),
            "label_set": ("BOOL", [-1, contract.classes]),
            "ood_score": ("FP32", [-1]),
        }
    check_refusal(seen["unknown model metadata"], status(script, "404"), "nothing")
    check_refusal(seen["unknown version metadata"], status(script, "404"), "99")


def _sizes(tensor: Any) -> list[int]:
    return [int(size) for size in tensor["shape"]]


@HTTP_FORMS
def test_the_models_configuration(served: Served, script: str, artifact: Artifact) -> None:
    """The part of Triton's that perf_analyzer and the like read."""
    found = served.by(script)["configuration"]
    assert found["name"] == artifact.contract.name
    assert found["max_batch_size"] == 256
    assert found["input"][0]["data_type"] == "TYPE_FP32"


@FORMS
def test_the_index_of_the_repository(served: Served, script: str, artifact: Artifact) -> None:
    """A list over REST, a message with a list over gRPC; both have the version that serves."""
    seen = served.by(script)
    found = seen["index"] if script in HTTP else seen["index"]["models"]
    (entry,) = found
    assert entry["name"] == artifact.contract.name
    assert (entry["version"], entry["state"]) == (str(artifact.contract.version), "READY")


@FORMS
@pytest.mark.parametrize("name", ["load", "unload"])
def test_models_are_not_loaded_by_request(served: Served, script: str, name: str) -> None:
    """The words say who does."""
    check_refusal(served.by(script)[name], status(script, "503"), "loaded or unloaded")


@FORMS
def test_statistics_count_series_and_batches(served: Served, script: str) -> None:
    """One request of three series more than before."""
    if served.replicas > 1:
        pytest.skip("each replica has statistics of its own")
    before, after = _numbers(served.by(script)["statistics"])
    assert after["inference_count"] - before["inference_count"] == 3
    assert after["execution_count"] - before["execution_count"] == 1
    for name in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        was, found = (each["inference_stats"][name] for each in (before, after))
        assert found["count"] - was.get("count", 0) == 1
    durations = after["inference_stats"]
    assert durations["success"]["ns"] >= durations["compute_infer"]["ns"] > 0


def _numbers(document: Any) -> Any:
    """Protobuf writes 64-bit integers as strings in JSON."""
    return json.loads(json.dumps(document), object_hook=_without_strings)


def _without_strings(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value, str) and value.isdecimal() else value
        for name, value in found.items()
    }


@FORMS
def test_statistics_of_all_models_and_of_none(served: Served, script: str, artifact: Artifact) -> None:
    """All are the one that there is."""
    seen = served.by(script)
    assert [each["name"] for each in seen["all statistics"]["model_stats"]] == [artifact.contract.name]
    assert "nothing" in seen["unknown statistics"]["says"]


@FORMS
@pytest.mark.parametrize(
    ("name", "count"),
    [("infer", 2), ("infer one", 1), ("infer most", 256), ("infer no outputs", 1), ("infer version", 1)],
)
def test_inference(served: Served, script: str, name: str, count: int, artifact: Artifact) -> None:
    """In the client's default form, one to 256 series: every output, with the model's own numbers."""
    check_answer(served.by(script)[name], artifact, count)


@FORMS
def test_a_requests_id_comes_back(served: Served, script: str) -> None:
    """And there is none where none was sent."""
    seen = served.by(script)
    assert seen["infer id"]["id"] == "order-66"
    assert not seen["infer one"]["id"]


@FORMS
def test_parameters_do_no_harm(served: Served, script: str, artifact: Artifact) -> None:
    """Priority, sequences and a customer's own."""
    check_answer(served.by(script)["infer parameters"], artifact, 1)


@FORMS
def test_requested_outputs_come_alone(served: Served, script: str, artifact: Artifact) -> None:
    """In the model's order."""
    seen = served.by(script)
    check_answer(seen["infer outputs"], artifact, 2, outputs=("probabilities", "label"))
    check_answer(seen["infer one output"], artifact, 2, outputs=("probabilities",))


@FORMS
def test_classification(served: Served, script: str, artifact: Artifact) -> None:
    """`score:index:label`, the best first, at most as many as there are classes."""
    seen = served.by(script)
    best = [text for (text,) in _classes(seen["infer classes"], 1)]
    both = _classes(seen["infer too many classes"], 2)
    assert [first for first, _ in both] == best
    for series, expected in zip(both, artifact.golden.probabilities, strict=False):
        scores = {int(index): float(score) for score, index, _ in (text.split(":") for text in series)}
        assert [scores[0], scores[1]] == pytest.approx(expected, abs=1e-3)
        for text in series:
            score, index, label = text.split(":")
            assert len(score.partition(".")[2]) == 6
            assert label == artifact.contract.labels[int(index)].name


def _classes(answer: Any, count: int) -> list[list[str]]:
    tensor = answer["outputs"]["probabilities"]
    assert (tensor["datatype"], tensor["shape"]) == ("BYTES", [2, count])
    values: list[list[str]] = tensor["values"]
    return values


@FORMS
def test_requests_at_the_same_time(served: Served, script: str, artifact: Artifact) -> None:
    """Greenlets, callbacks and tasks: each gets the answer to its own series."""
    answers = served.by(script)["infer at once"]
    golden = artifact.golden.probabilities
    for number, answer in enumerate(answers):
        (found,) = answer["outputs"]["probabilities"]["values"]
        assert found == pytest.approx(golden[number % len(golden)], abs=artifact.contract.output.tolerance)
    assert len(answers) == served.target.count


REFUSED = {
    "error unknown model": ("404", "nothing"),
    "error unknown version": ("404", "99"),
    "error no version": ("404", "first"),
    "error length": ("400", "499", "500"),
    "error no dimension": ("400", "[500]"),
    "error empty": ("400", "shape"),
    "error too many series": ("400", "300", "256"),
    "error input": ("400", "other", "series"),
    "error two inputs": ("400", "series"),
    "error output": ("400", "nothing", "probabilities"),
    "error text": ("400", "BYTES"),
    "error not finite": ("400", "[0, 7]"),
}


@FORMS
@pytest.mark.parametrize("name", REFUSED)
def test_errors_are_shown_to_the_user(served: Served, script: str, name: str) -> None:
    """With their status, and with words that say where the fault is."""
    number, *words = REFUSED[name]
    check_refusal(served.by(script)[name], status(script, number), *words)


@FORMS
@pytest.mark.parametrize("datatype", ["FP64", "FP16", "INT32", "INT8"])
def test_numbers_of_other_datatypes_are_converted(served: Served, script: str, datatype: str) -> None:
    """The same numbers get the same answer."""
    seen = served.by(script)
    assert seen[f"datatype {datatype}"] == seen["datatype FP32"]
    assert "raises" not in seen["datatype FP32"]


@FORMS
def test_a_timeout_in_the_parameters_is_honoured(served: Served, script: str) -> None:
    """A microsecond has passed before anything is computed."""
    check_refusal(served.by(script)["timeout"], status(script, "504"), "deadline")


@FORMS
def test_a_connection_goes_on_after_all_that(served: Served, script: str, artifact: Artifact) -> None:
    """All scenarios run on one."""
    check_answer(served.by(script)["infer after"], artifact, 2)


@HTTP_FORMS
@pytest.mark.parametrize("name", ["infer JSON", "infer mixed"])
def test_json(served: Served, script: str, name: str, artifact: Artifact) -> None:
    """Numbers as text, in either direction and for some outputs alone."""
    check_answer(served.by(script)[name], artifact, 2, outputs=("probabilities", "label"))


@HTTP_FORMS
def test_json_is_answered_in_binary(served: Served, script: str, artifact: Artifact) -> None:
    """The client asks for it unless its user does not."""
    check_answer(served.by(script)["infer JSON input"], artifact, 2)
    assert len(_classes(served.by(script)["infer classes JSON"], 2)) == 2


@HTTP_FORMS
@pytest.mark.parametrize("form", ["binary", "JSON"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "answer gzip", "answer deflate"])
def test_compression(served: Served, script: str, coding: str, form: str, artifact: Artifact) -> None:
    """Of requests and of answers, by what the client makes and unpacks itself."""
    check_answer(served.by(script)[f"infer {coding} {form}"], artifact, 40, outputs=("probabilities",))


@GRPC_FORMS
@pytest.mark.parametrize("name", ["infer gzip", "infer deflate"])
def test_compression_over_grpc(served: Served, script: str, name: str, artifact: Artifact) -> None:
    """The coding is one of gRPC itself."""
    check_answer(served.by(script)[name], artifact, 40)


@GRPC_FORMS
def test_a_deadline_over_grpc(served: Served, script: str) -> None:
    """The client's own, shorter than any prediction."""
    check_refusal(served.by(script)["deadline"], "DEADLINE_EXCEEDED")


@GRPC_FORMS
def test_a_stream_goes_on_after_an_error(served: Served, script: str, artifact: Artifact) -> None:
    """In the order of the requests."""
    first, second, third = served.by(script)["stream"]
    for answer in (first, third):
        check_answer(answer, artifact, 1)
        assert answer["id"] == artifact.contract.name
    assert "nothing" in second["says"]
