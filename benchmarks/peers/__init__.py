"""Compares this server with others that run the same graph, on one machine. No figure passes or fails.

`python -m benchmarks.peers` installs the others, checks the golden answers of each, loads one after the other
and writes a report. `apps/` has the applications that the others' interpreters run; it and `model.py`
import nothing else of this project.
"""
