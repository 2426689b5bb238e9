"""`python -m training.targets`: what a sealed artifact reaches of what its makers set out to reach."""
