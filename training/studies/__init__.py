"""Studies beside the job: other data sets, validation of settings, and targets."""
