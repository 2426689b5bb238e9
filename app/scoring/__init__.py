"""Scores files without a server: a job that processes and machines share, and that survives `kill -9`.

`docs/scoring.md` has the layout of a job's output and why every row is in it exactly once.
"""
