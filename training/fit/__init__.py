"""Fitting: inputs, teacher, training loop, checkpoints and cross-validation."""
