"""The schema of `contract.json`: what an artifact promises, as frozen pydantic models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, get_args

from pydantic import Field, JsonValue, model_validator

from app.contract.drift import DriftPart, DriftReference
from app.contract.explanation import ExplanationReference, Perturbations
from app.contract.frozen import FileName, Frozen, Sha256
from app.contract.neighbours.spec import ExtraOutputs, NeighboursSpec
from app.contract.numbering import MAX_VERSION
from app.contract.optional_part import OptionalPart, optional_part
from app.contract.trust import Trust
from app.series.spec import MAX_LENGTH, SeriesSpec

# The sealed and the readable schemas: docs/artifact.md lists the changes of each.
SCHEMA_VERSION: Final = 3
ReadSchema = Literal[1, 2, 3]
READ_SCHEMAS: Final[tuple[int, ...]] = get_args(ReadSchema)
CONTRACT_FILE = "contract.json"
MODEL_FILE = "model.keras"
GOLDEN_FILE = "golden.npz"

MAX_CLASSES = 10_000
MAX_FILES = 1_000


class InputSpec(Frozen):
    """The model's one input: `dtype[n, length, channels]`, raw values."""

    name: str = Field(min_length=1, examples=["series"])
    length: int = Field(ge=1, le=MAX_LENGTH, examples=[500])
    channels: int = Field(default=1, ge=1, le=MAX_LENGTH, description="Values of a series at each time step.")
    dtype: Literal["float32"] = "float32"
    # Models that were sealed before this field existed are invariant.
    invariant_to_offset_and_scale: bool = Field(
        default=True,
        description=(
            "Whether answers stay the same when a number is added to any one channel of a series, or when it "
            "is multiplied by a positive one. If so, a large offset is subtracted in the precision that was "
            "sent."
        ),
    )

    @model_validator(mode="after")
    def _is_bounded(self) -> InputSpec:
        if self.spec.values > MAX_LENGTH:
            raise ValueError(f"a series has {self.spec.values} values in all; at most {MAX_LENGTH} are read")
        return self

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
    """One class: its label in the data set, and its meaning."""

    name: str = Field(min_length=1, max_length=100, examples=["-1"])
    meaning: str = Field(examples=["symptom absent"])


class DerivedGraph(Frozen):
    """A graph made from `model.keras` for another runtime; usable only while its parent is unchanged.

    Its files are OpenVINO's graph and weights. The runtime picks a format by the file extension, and would
    also read formats that refer to other files.
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
    """How the artifact was trained, enough to reproduce it."""

    dataset: str
    data_sha256: dict[str, Sha256]
    config: dict[str, JsonValue]
    seed: int
    versions: dict[str, str] = Field(description="Library versions at training time.")
    training_seconds: float = Field(ge=0)


class Contract(Frozen):
    """The content of `contract.json`."""

    schema_version: ReadSchema = SCHEMA_VERSION
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
    extra_outputs: ExtraOutputs | None = optional_part("The embedding, and the index of training series.")
    explanation_reference: ExplanationReference | None = optional_part("How explanations are made.")
    drift_reference: DriftPart | None = optional_part("What the series that are served are compared with.")

    @model_validator(mode="after")
    def _is_whole(self) -> Contract:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("two labels have the same name")
        needed = {MODEL_FILE, GOLDEN_FILE}
        needed |= {name for graph in self.derived.values() for name in graph.files}
        needed |= {name for _, part in self._optional_parts() for name in part.files}
        if missing := sorted(needed - self.files.keys()):
            raise ValueError(f"files has no digest of {', '.join(missing)}")
        if self.explanation_reference:
            self.explanation_reference.check_fits(self.input.spec)
        for part, since in self._later_parts():
            if self.schema_version < since:
                raise ValueError(f"{part} came with schema_version {since}; this says {self.schema_version}")
        if len(set(self.outputs)) != len(self.outputs):
            raise ValueError(f"both outputs are named {self.output.name}")
        drift = self.drift
        if drift and (self.trust is None or len(drift.views[0].labels) != self.classes):
            raise ValueError("drift_reference is of another model: it needs trust, and the same labels")
        return self

    def _later_parts(self) -> Iterator[tuple[str, int]]:
        """The parts that the first schema lacks, each with the schema that added it."""
        if self.trust:
            yield "trust", 2
        if not self.input.invariant_to_offset_and_scale:
            yield "a model that is not invariant", 3
        if self.input.channels > 1:
            yield "a model of several channels", 3
        for name, _ in self._optional_parts():
            yield name, 3

    def _optional_parts(self) -> Iterator[tuple[str, OptionalPart]]:
        fields = {
            "extra_outputs": self.extra_outputs,
            "explanation_reference": self.explanation_reference,
            "drift_reference": self.drift_reference,
        }
        return ((name, field) for name, field in fields.items() if field is not None)

    @property
    def perturbations(self) -> Perturbations | None:
        """How explanations perturb series; None if the version was sealed without it."""
        reference = self.explanation_reference
        return None if reference is None else reference.content.perturbations

    @property
    def neighbours(self) -> NeighboursSpec | None:
        """The index of training series; None where the version has none."""
        return self.extra_outputs.content.neighbours if self.extra_outputs is not None else None

    @property
    def drift(self) -> DriftReference | None:
        """What the series that are served are compared with; None if the version was sealed without it."""
        return None if self.drift_reference is None else self.drift_reference.content.reference

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
