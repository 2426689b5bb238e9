"""Scores labelled series and measures the predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from app.cli.evaluation.measure import Evaluation, measure
from app.cli.predicting.agreement import unknown_labels_text
from app.cli.predicting.source import Source
from app.cli.terminal import progress
from app.client import Client
from app.client.results import Predictions
from app.errors import UnreadableSeries
from app.series.readers import canonical_label
from app.series.readers.rows import RowOptions
from app.series.spec import SeriesSpec


def evaluate(
    client: Client, files: Sequence[Path], options: RowOptions, *, report: Callable[[str], None]
) -> Evaluation:
    """Score files with labels.

    Args:
        client: of the server.
        files: to read.
        options: what to read of them.
        report: called with a line for each row that is left out.

    Raises:
        UnreadableSeries: there is no label, or none of the labels is one of the model's.
        ClientError: the server does not answer with predictions.
    """
    model = client.model()
    taken = model.contract.input
    source = Source(files, SeriesSpec(taken.length, taken.channels), options, report=report)
    parts: list[Predictions] = []
    labels: list[str] = []
    with progress("series", is_shown=True) as bar:
        for predictions in client.predict_batches(source):
            for place in source.take(len(predictions)):
                if place.labels is None:
                    raise UnreadableSeries(
                        f"{place.file}: no labels", remedy="give labelled series, or --label-column"
                    )
                labels += place.labels
            parts.append(predictions)
            bar.update(len(labels), source.total)
    if not parts:
        raise UnreadableSeries(f"{files[0]}: no series could be scored", remedy="see the lines above")
    found = Predictions.joined(parts)
    places = {canonical_label(name): place for place, name in enumerate(found.classes)}
    targets = np.array([places.get(label, -1) for label in labels], np.int64)
    if (targets < 0).all():
        raise UnreadableSeries(
            unknown_labels_text(labels[0], found.classes), remedy="or choose the labels with --label-column"
        )
    known = targets >= 0
    for label in sorted(
        {label for label, is_known in zip(labels, known.tolist(), strict=True) if not is_known}
    ):
        report(f"label {label}: {labels.count(label):,} rows left out; the model does not have it")
    versions = ", ".join(map(str, found.versions))
    return measure(
        found.probabilities[known],
        targets[known],
        classes=found.classes,
        label_sets=None if found.label_sets is None else found.label_sets[known],
        ood_scores=None if found.ood_scores is None else found.ood_scores[known],
        skipped=source.position - int(known.sum()),
        model=f"{model.contract.name} version {versions}",
    )
