"""The generated modules and the numbers of their fields."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.grpc.generated import inference_pb2

FOLDER = "app/grpc/generated"
GENERATED = ("inference_pb2.py", "inference_pb2.pyi", "inference_pb2_grpc.py")
# As the protos of Triton and KServe have them; stubs made from those talk to this server.
NUMBERS = {
    "ModelReadyRequest": {"name": 1, "version": 2},
    "ServerMetadataResponse": {"name": 1, "version": 2, "extensions": 3},
    "ModelMetadataResponse": {"name": 1, "versions": 2, "platform": 3, "inputs": 4, "outputs": 5},
    "ModelMetadataResponse.TensorMetadata": {"name": 1, "datatype": 2, "shape": 3},
    "InferParameter": {
        "bool_param": 1,
        "int64_param": 2,
        "string_param": 3,
        "double_param": 4,
        "uint64_param": 5,
    },
    "InferTensorContents": {
        "bool_contents": 1,
        "int_contents": 2,
        "int64_contents": 3,
        "uint_contents": 4,
        "uint64_contents": 5,
        "fp32_contents": 6,
        "fp64_contents": 7,
        "bytes_contents": 8,
    },
    "ModelInferRequest": {
        "model_name": 1,
        "model_version": 2,
        "id": 3,
        "parameters": 4,
        "inputs": 5,
        "outputs": 6,
        "raw_input_contents": 7,
    },
    "ModelInferRequest.InferInputTensor": {
        "name": 1,
        "datatype": 2,
        "shape": 3,
        "parameters": 4,
        "contents": 5,
    },
    "ModelInferRequest.InferRequestedOutputTensor": {"name": 1, "parameters": 2},
    "ModelInferResponse": {
        "model_name": 1,
        "model_version": 2,
        "id": 3,
        "parameters": 4,
        "outputs": 5,
        "raw_output_contents": 6,
    },
    "ModelInferResponse.InferOutputTensor": {
        "name": 1,
        "datatype": 2,
        "shape": 3,
        "parameters": 4,
        "contents": 5,
    },
    "ModelStreamInferResponse": {"error_message": 1, "infer_response": 2},
    "ModelStatisticsRequest": {"name": 1, "version": 2},
    "ModelStatistics": {
        "name": 1,
        "version": 2,
        "last_inference": 3,
        "inference_count": 4,
        "execution_count": 5,
        "inference_stats": 6,
        "batch_stats": 7,
    },
    "InferStatistics": {
        "success": 1,
        "fail": 2,
        "queue": 3,
        "compute_input": 4,
        "compute_infer": 5,
        "compute_output": 6,
        "cache_hit": 7,
        "cache_miss": 8,
    },
    "RepositoryIndexRequest": {"repository_name": 1, "ready": 2},
    "RepositoryIndexResponse.ModelIndex": {"name": 1, "version": 2, "state": 3, "reason": 4},
}


@pytest.fixture(scope="module")
def generated(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the generator makes of the source now."""
    folder = tmp_path_factory.mktemp("generated")
    outputs = (f"--{kind}={folder}" for kind in ("python_out", "pyi_out", "grpc_python_out"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *outputs, f"{FOLDER}/inference.proto"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return folder / FOLDER


@pytest.mark.parametrize("name", GENERATED)
def test_generated_code_is_that_of_its_source(generated: Path, root: Path, name: str) -> None:
    """A change of inference.proto without `make grpc` fails here."""
    committed = (root / FOLDER / name).read_text(encoding="utf-8")
    assert committed == (generated / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("message", NUMBERS)
def test_fields_have_the_published_numbers(message: str) -> None:
    """On the wire a field is its number alone: another one would be another field to every client."""
    outer, _, inner = message.partition(".")
    found = inference_pb2.DESCRIPTOR.message_types_by_name[outer]
    if inner:
        found = found.nested_types_by_name[inner]
    assert {field.name: field.number for field in found.fields} == NUMBERS[message]


def test_the_generated_code_runs_with_the_oldest_supported_protobuf(root: Path) -> None:
    """Generated code may not be newer than protobuf, and clients of other packages need protobuf 6."""
    source = (root / FOLDER / "inference_pb2.py").read_text(encoding="utf-8")
    assert "# Protobuf Python Version: 6.33.5" in source
    assert '"protobuf>=6.33.5,<8"' in (root / "pyproject.toml").read_text(encoding="utf-8")
