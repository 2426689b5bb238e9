"""Data sets: where their files are, how they are read, and the series that a fit sees."""
