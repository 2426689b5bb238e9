"""The service: opens a sealed artifact, proves that it works, and answers predictions over HTTP."""
