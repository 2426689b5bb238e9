"""The native API's documents: described, exemplified, frozen, and free of the server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from app.client import schemas
from app.client.explanations.schemas import (
    Bands,
    CellImportance,
    ExplainResponse,
    Explanation,
    FrequencyImportance,
    TimeImportance,
    Windows,
)
from app.client.schemas import InputWarning, Prediction, PredictRequest, PredictResponse, Problem, Violation

PROBLEM = Problem(
    type="/problems/contract",
    title="Request does not match the model's contract",
    status=422,
    detail="instances/0/1: expected a number, got null",
    request_id="r",
    violations=[Violation(pointer="instances/0/1", message="expected a number, got null")],
    total=1,
)
DOCUMENTS = [
    *(PredictRequest, PredictResponse, Prediction, InputWarning, Problem, Violation),
    *(ExplainResponse, Explanation, TimeImportance, FrequencyImportance, CellImportance, Windows, Bands),
]


@pytest.mark.parametrize("model", DOCUMENTS)
def test_every_field_of_every_document_is_described(model: type[BaseModel]) -> None:
    """The interactive documentation says something about each document and each of its fields."""
    schema = model.model_json_schema()
    assert schema["description"]
    assert [name for name, field in schema["properties"].items() if "description" not in field] == []


@pytest.mark.parametrize("model", DOCUMENTS)
def test_every_example_is_valid(model: type[BaseModel]) -> None:
    """The examples in the documentation are documents that their own schema takes."""
    schema = model.model_json_schema()
    for example in schema.get("examples", []):
        assert model.model_validate_json(json.dumps(example))
    for name, field in schema["properties"].items():
        for example in field.get("examples", []):
            model.__pydantic_validator__.validate_assignment(model.model_construct(), name, example)


def test_a_problem_comes_back_from_its_json() -> None:
    """A problem document keeps all it says on its way to the client."""
    assert Problem.model_validate_json(PROBLEM.model_dump_json(exclude_none=True)) == PROBLEM


def test_a_problem_without_violations_does_not_mention_them() -> None:
    """Problems that are not about input have no empty lists or nulls when written without them."""
    problem = Problem(type="/problems/engine", title="t", status=500, detail="d", request_id="r")
    assert set(json.loads(problem.model_dump_json(exclude_none=True))) == {
        "type",
        "title",
        "status",
        "detail",
        "request_id",
    }


def test_documents_are_frozen() -> None:
    """A document that was read is not changed afterwards."""
    with pytest.raises(ValidationError, match="frozen"):
        PROBLEM.status = 500  # type: ignore[misc]


def test_an_answer_with_a_nan_is_refused() -> None:
    """A client never takes a probability that is not a number."""
    with pytest.raises(ValidationError, match="finite"):
        Prediction.model_validate_json(b'{"label": "1", "probabilities": {"1": NaN}}')


def test_an_answer_with_an_unknown_field_is_read() -> None:
    """A newer server may say more; an older client reads what it knows."""
    answer = PredictResponse.model_validate_json(
        b'{"model": "m", "version": 1, "predictions": [], "later": 1}'
    )
    assert answer == PredictResponse(model="m", version=1, predictions=[])


def test_the_schemas_need_nothing_of_the_server() -> None:
    """Importing the schemas imports nothing else of the app: the client stays small."""
    code = "import sys, app.client.schemas; print([m for m in sys.modules if m.startswith('app.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"['app.client', '{schemas.__name__}']"
