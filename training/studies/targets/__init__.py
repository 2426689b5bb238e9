"""`python -m training.studies.targets`: compare a sealed artifact with its targets."""
