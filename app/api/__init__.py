"""What requests ask for and how they are answered: routes, bodies, parameters, errors and middleware."""
