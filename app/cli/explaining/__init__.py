"""The command `explain`: its job, its formats and its plot."""
