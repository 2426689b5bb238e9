"""Fitting: inputs, teacher, epochs, checkpoints, and fits without a fold."""
