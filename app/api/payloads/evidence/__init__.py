"""What comes with predictions on demand: explanations, and neighbours among the training series."""
