"""Reads files of series, for training, client and command line.

Text (the UCR archive's and its relatives), `.npy`, `.npz`, `.json` and, where SciPy is installed, `.arff`;
any of them gzipped. A file that cannot be used raises `app.errors.UnreadableSeries`: file, row and remedy.
"""

from app.series.readers.file import SeriesFile, read_series_file
from app.series.readers.gaps import MISSING, PAD, UNEQUAL, GapRules
from app.series.readers.labels import canonical_label, sorted_labels

__all__ = [
    "MISSING",
    "PAD",
    "UNEQUAL",
    "GapRules",
    "SeriesFile",
    "canonical_label",
    "read_series_file",
    "sorted_labels",
]
