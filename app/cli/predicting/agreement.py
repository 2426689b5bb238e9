"""How many predictions agree with the labels of a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.series.readers import canonical_label
from app.series.readers.parsed import quoted
from app.series.scores import interval


def agreeing(predicted: Iterable[str | None], labels: Iterable[str]) -> int:
    """The number of predicted labels that are the file's; one without a label agrees with none."""
    pairs = zip(predicted, labels, strict=True)
    return sum(one is not None and canonical_label(one) == other for one, other in pairs)


def agreement_text(agreed: int, seen: int) -> str:
    """The numbers, e.g. `1,298 of 1,320 labels agree: 98.3 % (95 % interval: 97.5 to 98.9 %)`."""
    share = agreed / seen
    low, high = (100 * bound for bound in interval(share, seen))
    return (
        f"{agreed:,} of {seen:,} labels agree: {100 * share:.1f} % (95 % interval: {low:.1f} to {high:.1f} %)"
    )


def unknown_labels_text(label: str, classes: Sequence[str]) -> str:
    """For a file none of whose labels is one of the model's: it may have no labels."""
    return (
        f"none of the labels, such as {quoted(label)}, is one of the model's "
        f"({quoted(', '.join(classes))}): the first column of text is read as the labels; pass "
        "--no-labels if there are none"
    )
