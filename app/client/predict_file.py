"""`python -m app predict`: sends the series of a file to a server, in requests within its limits.

Values are sent as they were read.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from app.client import Client, ClientError, InvalidSeries
from app.client.schemas import Prediction
from app.errors import AppError
from app.series.readers import PAD, GapRules, SeriesFile, canonical_label, read_series_file
from app.series.readers.parsed import quoted
from app.series.scores import interval

CONTRACT_VIOLATED = 422


def predict_file(
    path: Path, url: str, *, rules: GapRules, labelled: bool, abstain: bool, api_key: str | None
) -> int:
    """Send the series of a file to a server and print its predictions, a JSON object a line.

    If the file has labels, how many predictions agree with them goes to standard error.

    Args:
        path: of the file, in any supported format.
        url: of the server.
        rules: what to do about missing values and unequal lengths; series are padded to the model's length.
        labelled: whether rows of text begin with a label.
        abstain: no label if the label set does not hold exactly one.
        api_key: if the server requires one.

    Returns:
        The exit code, 0.

    Raises:
        UnreadableSeries: the file cannot be read or used.
        ClientError: the server refused the request or could not be reached.
        OutputError: standard output cannot be written to.
    """
    with Client(url, api_key=api_key) as client:
        if rules.unequal == PAD:
            rules = replace(rules, length=client.series_length())
        file = read_series_file(path, rules=rules, labelled=labelled)
        agreement = Agreement(file.labels) if file.labels else None
        try:
            for predictions in client.predict_batches(file.values, abstain=abstain):
                for prediction in predictions:
                    _print(f"{prediction.model_dump_json()}\n")
                    if agreement:
                        agreement.count(prediction)
        except ClientError as error:
            raise _with_remedy(error, file) from error
    if agreement:
        sys.stderr.write(f"{agreement}\n")
    return 0


def _print(text: str) -> None:
    """Write to standard output and flush it, so that an error is raised here and not at exit.

    Raises:
        OutputError: it cannot be written to: the disk is full, or the reader of the pipe has ended.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be written at the exit, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(f"standard output: cannot be written ({error.strerror})") from error


class OutputError(AppError):
    """Predictions cannot be written."""


class Agreement:
    """Counts how many predictions agree with the labels of a file."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._seen = self._agreed = 0
        self._classes: tuple[str, ...] = ()

    def count(self, prediction: Prediction) -> None:
        """Compare the next prediction; one without a label agrees with none."""
        predicted = None if prediction.label is None else canonical_label(prediction.label)
        self._agreed += predicted == self._labels[self._seen]
        self._seen += 1
        self._classes = tuple(prediction.probabilities)

    def __str__(self) -> str:
        """The numbers, e.g. `1,298 of 1,320 labels agree: 98.3 % (95 % interval: 97.5 to 98.9 %)`.

        If no label is one of the model's, a hint that the file may have no labels.
        """
        if not set(map(canonical_label, self._classes)) & set(self._labels):
            return (
                f"none of the labels, such as {quoted(self._labels[0])}, is one of the model's "
                f"({quoted(', '.join(self._classes))}): the first column of text is read as the labels; pass "
                "--no-labels if there are none"
            )
        share = self._agreed / self._seen
        low, high = (100 * bound for bound in interval(share, self._seen))
        return (
            f"{self._agreed:,} of {self._seen:,} labels agree: {100 * share:.1f} % "
            f"(95 % interval: {low:.1f} to {high:.1f} %)"
        )


def _with_remedy(error: ClientError, file: SeriesFile) -> ClientError:
    """The error, with what to do if a row's first value was taken for its label."""
    is_violation = error.problem is not None and error.problem.status == CONTRACT_VIOLATED
    if file.labels is None or not (is_violation or isinstance(error, InvalidSeries)):
        return error
    return ClientError(
        f"{error}; the first field of each row was read as its label: if it is a value, pass --no-labels",
        problem=error.problem,
    )
