"""The HTTP API: routes, bodies, parameters, errors and middleware."""
