"""Hyperparameter search: search space, trials and database."""
