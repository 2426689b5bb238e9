"""Pictures of an evaluation. Matplotlib, of the extra `recordings`, is imported at the first use."""

from __future__ import annotations

from pathlib import Path

from app.cli.evaluation.measure import Evaluation
from app.series.timeline.plot import import_figure

_DPI = 150
# From so many classes on, cells have no numbers.
_MANY = 20


def write_plots(found: Evaluation, folder: Path) -> list[Path]:
    """Draw the confusion matrix and the calibration.

    Args:
        found: to draw.
        folder: made if it is not there; files in it are overwritten.

    Returns:
        The PNG files.

    Raises:
        UnreadableSeries: Matplotlib is not installed.
        OSError: a file cannot be written.
    """
    figure_class = import_figure()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "confusion_matrix.png", folder / "calibration.png"]

    figure = figure_class(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    shares = found.confusion / found.confusion.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(found.classes))
    axes.set(xticks=places, yticks=places, xlabel="predicted label", ylabel="true label", title=found.model)
    axes.set_xticklabels(found.classes)
    axes.set_yticklabels(found.classes)
    if len(found.classes) < _MANY:
        for row, counts in enumerate(found.confusion.tolist()):
            for column, count in enumerate(counts):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    figure.savefig(paths[0], format="png", dpi=_DPI)

    figure = figure_class(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    axes.scatter(
        found.calibration.confidence, found.calibration.accuracy, s=20 + 400 * found.calibration.share
    )
    axes.set(
        xlabel="probability of the predicted label",
        ylabel="share of right labels",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        title=f"{found.model}: expected calibration error {100 * found.calibration.expected_error:.2f} %",
    )
    figure.savefig(paths[1], format="png", dpi=_DPI)
    return paths
