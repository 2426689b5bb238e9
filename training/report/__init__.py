"""Results of a run: metrics, plots and the model card."""
