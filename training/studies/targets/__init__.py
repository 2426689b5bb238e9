"""`python -m training.studies.targets`: what a sealed artifact reaches of its targets."""
