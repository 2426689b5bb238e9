"""The schema of `contract.json`: what an artifact promises, as frozen pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, StringConstraints, model_validator

from app.contract.frozen import Frozen
from app.contract.numbering import MAX_VERSION
from app.contract.trust import Trust
from app.series.spec import MAX_LENGTH, SeriesSpec

SCHEMA_VERSION: Final = 3
CONTRACT_FILE = "contract.json"
MODEL_FILE = "model.keras"
GOLDEN_FILE = "golden.npz"

MAX_CLASSES = 10_000
MAX_FILES = 1_000

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A file's name inside the version folder: no separators, so nothing can point out of it.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


class InputSpec(Frozen):
    """The model's one input: `dtype[n, length, channels]`, raw values."""

    name: str = Field(min_length=1, examples=["series"])
    length: int = Field(ge=1, le=MAX_LENGTH, examples=[500])
    channels: Literal[1] = 1
    dtype: Literal["float32"] = "float32"
    # Before it was written down, every model that was sealed was.
    invariant_to_offset_and_scale: bool = Field(
        default=True,
        description=(
            "Whether answers stay the same when a number is added to a series, or when it is multiplied by a "
            "positive one. If so, a large offset is subtracted in the precision that was sent."
        ),
    )

    @property
    def spec(self) -> SeriesSpec:
        """The input in the terms of `app.series`."""
        return SeriesSpec(self.length, self.channels, is_invariant=self.invariant_to_offset_and_scale)


class OutputSpec(Frozen):
    """The model's first output: `float32[n, classes]`, rows that sum to 1, in the order of the labels."""

    name: str = Field(min_length=1, examples=["probabilities"])
    tolerance: float = Field(
        gt=0,
        lt=0.1,
        description="Largest absolute difference of an output's value between two ways to compute it.",
    )


class Label(Frozen):
    """One class: its label as the data set writes it, and what it means."""

    name: str = Field(min_length=1, max_length=100, examples=["-1"])
    meaning: str = Field(examples=["symptom absent"])


class DerivedGraph(Frozen):
    """A graph made from `model.keras` for another runtime; usable only while its parent is unchanged.

    Its files are OpenVINO's own, the graph and its weights: the runtime goes by the ending, and would read
    other formats too, some of which point to files elsewhere.
    """

    files: tuple[FileName, ...] = Field(min_length=2, max_length=2)
    parent_sha256: Sha256

    @model_validator(mode="after")
    def _is_a_pair(self) -> DerivedGraph:
        graph, weights = self.files
        if not graph.endswith(".xml") or weights != f"{graph.removesuffix('.xml')}.bin":
            raise ValueError("files are not one .xml and the .bin of the same name")
        return self


class Provenance(Frozen):
    """Where the artifact comes from, enough to make it again."""

    dataset: str
    data_sha256: dict[str, Sha256]
    config: dict[str, JsonValue]
    seed: int
    versions: dict[str, str] = Field(description="Library versions at training time.")
    training_seconds: float = Field(ge=0)


class Contract(Frozen):
    """The content of `contract.json`."""

    schema_version: Literal[1, 2, 3] = SCHEMA_VERSION
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, examples=["forda"])
    version: int = Field(ge=1, le=MAX_VERSION, examples=[1])
    created: datetime
    description: str
    input: InputSpec
    output: OutputSpec
    labels: tuple[Label, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    trust: Trust | None = Field(default=None, description="Null where the model has one output alone.")
    parameters: int = Field(ge=0, description="Number of weights of the model.")
    files: dict[FileName, Sha256] = Field(
        max_length=MAX_FILES, description="SHA-256 of every other file of the artifact."
    )
    derived: dict[Literal["openvino"], DerivedGraph] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(description="What the job measured on the test set, as fractions.")
    provenance: Provenance

    @model_validator(mode="after")
    def _is_whole(self) -> Contract:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("two labels have the same name")
        needed = {MODEL_FILE, GOLDEN_FILE} | {name for graph in self.derived.values() for name in graph.files}
        if missing := sorted(needed - self.files.keys()):
            raise ValueError(f"files has no digest of {', '.join(missing)}")
        if self.trust and self.schema_version == 1:
            raise ValueError("trust came with schema_version 2; this says 1")
        if self.schema_version < 3 and not self.input.invariant_to_offset_and_scale:
            raise ValueError("a model that is not invariant came with schema_version 3; this says less")
        if len(set(self.outputs)) != len(self.outputs):
            raise ValueError(f"both outputs are named {self.output.name}")
        return self

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.labels)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs, in the order of an engine's columns."""
        return (self.output.name, *((self.trust.novelty.name,) if self.trust else ()))

    @property
    def columns(self) -> int:
        """Width of an engine's answer: a probability of each class and, where there is one, the novelty."""
        return self.classes + (self.trust is not None)
