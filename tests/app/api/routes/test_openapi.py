"""`app.api.routes.openapi`: what the OpenAPI document says of a request is what the model takes."""

from __future__ import annotations

from typing import Any

import pytest

from app.client.schemas import PredictRequest
from tests.app.conftest import LENGTH, MAX_ROWS, App, series

LARGEST = 2.0**128 - 2.0**103


def request_schema(app: App) -> dict[str, Any]:
    """The schema of a JSON request."""
    document = app.client.get("/openapi.json").json()
    schema: dict[str, Any] = document["components"]["schemas"][PredictRequest.__name__]
    return schema


def test_the_document_states_the_models_limits(app: App) -> None:
    """How long a series is, and how many there may be: the bounds at which the server says no."""
    instances = request_schema(app)["properties"]["instances"]
    assert (instances["minItems"], instances["maxItems"]) == (1, MAX_ROWS)
    assert (instances["items"]["minItems"], instances["items"]["maxItems"]) == (LENGTH, LENGTH)
    for count, status in ((0, 422), (1, 200), (MAX_ROWS, 200), (MAX_ROWS + 1, 422)):
        body = {"instances": series(*[1.0] * count).tolist()}
        assert app.client.post("/predict", json=body).status_code == status


@pytest.mark.parametrize("sign", [1, -1])
def test_the_document_states_the_range_of_a_number(app: App, sign: int) -> None:
    """The bound itself is refused, and the last number before it is taken."""
    number = request_schema(app)["properties"]["instances"]["items"]["items"]
    assert (number["exclusiveMinimum"], number["exclusiveMaximum"]) == (-LARGEST, LARGEST)
    for value, status in ((LARGEST, 422), (3.4028235677973362e38, 200)):
        body = {"instances": [[0.0, *[sign * value] * (LENGTH - 1)]]}
        assert app.client.post("/predict", json=body).status_code == status


def test_the_schema_has_no_example_that_the_model_refuses(app: App) -> None:
    """The one of four numbers is for any model; the one beside the schema is this one's."""
    assert "examples" not in request_schema(app)
    assert "examples" in PredictRequest.model_json_schema()
