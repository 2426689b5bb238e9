"""What keeps the fuzzing itself from working, as against what it finds."""


class HarnessError(Exception):
    """In one line fit for a person."""
