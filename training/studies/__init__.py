"""Studies: other data sets, cross-validation of settings, and targets of the artifact."""
