"""`python -m benchmarks.drift`: how often the drift alarm is wrong, and how soon it sees a change."""
