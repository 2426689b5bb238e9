"""An evaluation as text."""

from __future__ import annotations

from app.cli.evaluation.measure import Evaluation, Share
from app.cli.terminal import table


def evaluation_text(found: Evaluation) -> str:
    """The figures, one a line, and the confusion matrix."""
    skipped = f" ({found.skipped:,} rows were left out)" if found.skipped else ""
    lines = [
        f"{found.model}, {found.series:,} series{skipped}",
        f"accuracy: {_percent(found.accuracy)}",
        f"expected calibration error: {100 * found.calibration.expected_error:.2f} %",
    ]
    if sets := found.label_sets:
        lines.append(f"true label in the label set: {_percent(sets.coverage)}")
        one = "" if sets.single_accuracy is None else f", right in {_percent(sets.single_accuracy)}"
        lines.append(
            f"label sets: {sets.mean_size:.2f} labels on average; {100 * sets.empty:.1f} % have none; "
            f"{100 * sets.single:.1f} % have one{one}"
        )
    if found.unlike_training is not None:
        lines.append(f"OOD score above 0.99: {_percent(found.unlike_training)}")
    rows = [
        [f"true {name}", *(f"{count:,}" for count in counts)]
        for name, counts in zip(found.classes, found.confusion.tolist(), strict=True)
    ]
    matrix = table(("", *(f"predicted {name}" for name in found.classes)), rows)
    return "\n".join(lines) + "\n\n" + matrix


def _percent(share: Share) -> str:
    low, high = 100 * share.low, 100 * share.high
    return f"{100 * share.value:.2f} % (95 % interval: {low:.2f} to {high:.2f} %)"
