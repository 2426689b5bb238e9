"""The native API's documents, shared by the server's documentation and the client.

The server's hot path does not use these models: `app/api/payloads` reads and writes the same
documents faster and with better errors, and tests hold the two together. Nothing of `app` is imported
here, so that the client needs nothing of the server.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# The first double that is infinite as a float32.
_INFINITE = 2.0**128 - 2.0**103


# Most neighbours of a series, and most values of their series in a response.
MAX_NEIGHBOURS = 20
MAX_NEIGHBOUR_VALUES = 100_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


_Number = Annotated[float, Field(gt=-_INFINITE, lt=_INFINITE)]


class PredictRequest(_Frozen):
    """Series to classify. Every series has the model's length and channels; `GET /model` says which."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"instances": [[0.25, -1.5, 0.3, 12.0]]}]},
    )

    instances: list[list[_Number] | list[list[_Number]]] = Field(
        min_length=1,
        description=(
            "One list of numbers a series: raw values with all their digits. For a model of several "
            "channels, one list of time steps a series, each a list with the number of every channel. Where "
            "`GET /model` says that the model is invariant to offset and scale, an offset of up to 1e9 "
            "standard deviations does not change the prediction. Numbers are finite, within the range of "
            "float32, and never strings, booleans or null."
        ),
    )


class InputWarning(_Frozen):
    """A reason to doubt the prediction of a series. The series still has a prediction."""

    code: str = Field(description="The kind of warning, for programs.", examples=["flat"])
    message: str = Field(
        description="What was found in the series.", examples=["All values of the series are equal."]
    )
    remedy: str = Field(
        description="What to do about it.", examples=["Check that the sensor is connected and recording."]
    )


class Neighbour(_Frozen):
    """A training series that the model takes for similar."""

    index: int = Field(
        ge=0, description="Its row in the training file, from 0; the contract names the file.", examples=[17]
    )
    label: str = Field(description="Its class.", examples=["-1"])
    distance: float = Field(
        ge=0,
        description=(
            "Euclidean distance between the embeddings. The contract has the median distance of a training "
            "series to the nearest other one."
        ),
        examples=[1.25],
    )
    series: list[float] | list[list[float]] | None = Field(
        description=(
            "Its values as in the training file; of several channels, a list for each time step. Null if "
            "they were not asked for, or if the index has none."
        ),
        examples=[[0.25, -1.5, 0.3, 12.0]],
    )


class Prediction(_Frozen):
    """The prediction for one series."""

    label: str | None = Field(
        description=(
            "The most probable class, as the data set writes it; null if `abstain` was requested and "
            "the label set does not hold exactly one label."
        ),
        examples=["-1"],
    )
    probabilities: dict[str, float] = Field(
        description="The probability of every class, by label; they sum to 1.",
        examples=[{"-1": 0.75, "1": 0.25}],
    )
    label_set: list[str] | None = Field(
        default=None,
        description=(
            "The labels that the series may have, at the level that `GET /model` states. One label: the "
            "model is sure. Several: it is not. None: the series is unlike the training data. Null if the "
            "model has no label sets."
        ),
        examples=[["-1"]],
    )
    ood_score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=(
            "How unlike the training data the series is, as a rank: 0.9 is farther away than nine of ten "
            "series that the training held out. Null if the model has no OOD score."
        ),
        examples=[0.37],
    )
    warnings: list[InputWarning] = Field(
        default=[],
        description="Reasons to doubt the prediction; empty if there are none.",
        examples=[[]],
    )
    neighbours: list[Neighbour] | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="The nearest training series, nearest first; only if `neighbours` was requested.",
    )


class PredictResponse(_Frozen):
    """One prediction for each series of the request, in its order, and the model that made them."""

    model: str = Field(description="Name of the model.", examples=["forda"])
    version: int = Field(ge=1, description="Version of the model.", examples=[1])
    predictions: list[Prediction] = Field(description="In the order of the request's series.")


class Violation(_Frozen):
    """One invalid place of a request."""

    pointer: str = Field(
        description=(
            "Where in the body: names and positions from 0, joined by `/`; empty for the body as a whole. "
            "Or a query parameter's name."
        ),
        examples=["instances/3/17"],
    )
    message: str = Field(description="What is wrong there.", examples=["not a finite number"])


class Problem(_Frozen):
    """An error response: an RFC 9457 problem document (`application/problem+json`)."""

    type: str = Field(
        description="A URI reference that names the kind of problem.", examples=["/problems/contract"]
    )
    title: str = Field(
        description="The kind of problem, for people.",
        examples=["Request does not match the model's contract"],
    )
    status: int = Field(ge=400, le=599, description="The HTTP status code, repeated.", examples=[422])
    detail: str = Field(
        description="This problem: what is wrong, where, and what to do.",
        examples=["instances/3/17: not a finite number"],
    )
    request_id: str = Field(
        description="The response's `X-Request-Id`, also in the server's log.",
        examples=["b1946ac92492d2347c6235b4d2611184"],
    )
    violations: list[Violation] | None = Field(
        default=None, description="For invalid requests: the first invalid places."
    )
    total: int | None = Field(
        default=None, ge=1, description="Number of invalid places in all.", examples=[1]
    )


class RequestLimits(_Frozen):
    """Limits of one server."""

    max_instances: int = Field(ge=1, description="Most series in a request.", examples=[256])
    max_body_bytes: int = Field(
        ge=1, description="Most bytes of a request's body, as sent and decompressed.", examples=[4194304]
    )
    request_timeout: float = Field(
        gt=0, description="Seconds from a request's arrival to its response.", examples=[10.0]
    )
    keep_alive_timeout: float = Field(
        gt=0, description="Seconds after which an idle connection is closed.", examples=[75.0]
    )


class ExplanationSupport(_Frozen):
    """How many explanations a request may ask for, and into what a series is divided by default."""

    max_series: int = Field(ge=1, description="Most series in a request for explanations.", examples=[64])
    max_variants: int = Field(
        ge=1,
        description=(
            "Most variants in a request: of each series one for each region, and the series itself."
        ),
        examples=[4096],
    )
    timeout: float = Field(
        gt=0, description="Seconds from a request's arrival to its response.", examples=[30.0]
    )
    windows: int = Field(ge=0, description="Default of `windows`.", examples=[10])
    bands: int = Field(ge=0, description="Default of `bands`.", examples=[25])
    cells: tuple[int, int] = Field(description="Default of `cells`: windows and bands.", examples=[[10, 25]])


class NpyField(_Frozen):
    """A field of the structured array that `Accept: application/x-npy; fields=all` asks for."""

    name: str = Field(examples=["probabilities"])
    dtype: str = Field(description="In NumPy's notation.", examples=["<f4"])
    shape: list[int] = Field(description="Of one series' value; empty for a number.", examples=[[2]])
    description: str


class WarningBit(InputWarning):
    """A kind of warning, and its bit in the field `warnings`."""

    bit: int = Field(ge=0, lt=16, description="The number of the bit; bit 0 has the value 1.", examples=[0])


class NpyFields(_Frozen):
    """What `Accept: application/x-npy; fields=all` returns: a structured array `[n]`, in the request's order.

    The label is the most probable class. With `abstain`, a series whose label set does not hold exactly one
    label has none. The response's Content-Type has the version of the model, and the layout:
    `application/x-npy; fields=all; version=3; layout=1f0c7a52`.
    """

    layout: str = Field(
        description=(
            "Names the fields, the classes and the bits: arrays with the same layout are read alike. The "
            "response's Content-Type has it, too."
        ),
        examples=["1f0c7a52"],
    )
    fields: list[NpyField] = Field(description="In the order of the array, without padding.")
    classes: list[str] = Field(description="The label of each column of a field with one value a class.")
    warnings: list[WarningBit] = Field(description="The bits of the field `warnings`.")


class _Named(_Frozen):
    name: str


class _Input(_Frozen):
    length: int = Field(ge=1)
    channels: int = Field(default=1, ge=1)


class _Contract(_Named):
    version: int = Field(ge=1)
    input: _Input
    labels: list[_Named] = Field(min_length=2)


class ModelDescription(_Frozen):
    """The part of `GET /model` that the client reads."""

    contract: _Contract
    limits: RequestLimits
    npy_fields: NpyFields
    # Null, too, from servers that are older than explanations.
    explanations: ExplanationSupport | None = None
