"""The contract's field `extra_outputs`: the embedding of a model, and the index of its training series."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.contract.frozen import FileName, Frozen
from app.contract.optional_part import OptionalPart


class EmbeddingSpec(Frozen):
    """An output of the model beyond those of predictions: `float32[n, dimension]`."""

    output: str = Field(
        min_length=1,
        description="Name of the output of `model.keras`, and of the tensor inside of the OpenVINO graph.",
    )
    layer: str = Field(min_length=1, description="The Keras layer that computes it.")
    dimension: int = Field(ge=1, le=65_536)
    tolerance: float = Field(
        gt=0, description="Largest absolute difference of a value between two ways to compute it."
    )


class NeighboursSpec(Frozen):
    """The index of training series, by their embeddings. Search in it is exact."""

    file: FileName = Field(description="Embeddings, labels and, unless they were left out, series.")
    embedding: EmbeddingSpec
    distance: Literal["euclidean"] = "euclidean"
    number: int = Field(ge=1, description="Training series in the index.")
    bytes: int = Field(ge=1, description="Size of the file.")
    training_file: str = Field(description="The file whose rows the indices count, from 0.")
    series_error: float | None = Field(
        ge=0,
        description=(
            "Largest error of a stored value, as a part of the range of its channel in its series. Null "
            "where the series themselves were left out."
        ),
    )
    median_distance: float = Field(
        ge=0, description="Median distance of a training series to the nearest other one."
    )


class ExtraContent(Frozen):
    """What is known of the extra outputs. Fields that a later release adds are kept."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    neighbours: NeighboursSpec | None = Field(default=None, exclude_if=lambda value: value is None)


class ExtraOutputs(OptionalPart):
    """Outputs of the model beyond those of predictions, and what was made with them."""

    content: ExtraContent = Field(default_factory=ExtraContent)  # type: ignore[assignment]  # same JSON

    @model_validator(mode="after")
    def _names_its_file(self) -> ExtraOutputs:
        neighbours = self.content.neighbours
        if neighbours is not None and neighbours.file not in self.files:
            raise ValueError(f"files does not name {neighbours.file}, the index of neighbours")
        return self
