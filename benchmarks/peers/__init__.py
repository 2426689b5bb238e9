"""This server and others, with the same graph behind each, on one machine. Figures, never pass or fail.

`python -m benchmarks.peers` installs the others, asks each for the golden answers, loads each in turn and
writes a report. `apps/` holds what the others' interpreters run; it and `model.py` import nothing else of
this project.
"""
