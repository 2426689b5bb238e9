"""The report's plots, as PNG files. This package knows no data set, model or runtime."""

from training.report.plots.classes import plot_confusion, plot_roc
from training.report.plots.learning import plot_learning
from training.report.plots.novelty import plot_novelty
from training.report.plots.reliability import plot_reliability
from training.report.plots.robustness import Measured, plot_robustness
from training.report.plots.spectra import WindowSpectra, plot_spectra

__all__ = [
    "Measured",
    "WindowSpectra",
    "plot_confusion",
    "plot_learning",
    "plot_novelty",
    "plot_reliability",
    "plot_robustness",
    "plot_roc",
    "plot_spectra",
]
