"""The index of training series: what it has, and how well the nearest series predict the class."""

from __future__ import annotations

from training.model.embedding import VOTES
from training.report.report import Report
from training.report.tables import PAIR, paragraphs, percent, table


def neighbours(report: Report) -> str:
    """The embedding, the index and the accuracy of a vote of neighbours; empty without an index."""
    spec, votes = report.neighbours, report.trained.votes
    if spec is None:
        return ""
    has_series = "It has labels and no series."
    if spec.series_error is not None:
        has_series = (
            f"It has the series with 16 bits a value; the largest error is {spec.series_error:.1e} of the "
            "range of a series."
        )
    shown = paragraphs(
        f"`neighbours.npz` is an index of {spec.number:,} training series by their embeddings: the "
        f"{spec.embedding.dimension} values of the layer `{spec.embedding.layer}`, before the last one. The "
        f"search is exact, by Euclidean distance. {has_series} The file has {spec.bytes / 1e6:.2f} MB. The "
        f"median distance of a training series to the nearest other one is {spec.median_distance:.3g}.",
    )
    if votes is None:
        return shown
    rows = [
        [
            f"vote of the {count} nearest" if count > 1 else "nearest",
            *(percent(votes[v][count]) for v in PAIR),
        ]
        for count in VOTES
    ]
    return paragraphs(
        shown,
        "Share of held-out training series whose nearest series, among those that their model was fitted to, "
        "have the true class. Neighbours show what the model takes for similar; they are no second opinion:",
        table(["neighbours", *PAIR.values()], rows),
    )
