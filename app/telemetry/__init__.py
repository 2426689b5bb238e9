"""What an operator sees of the server: metrics, logs and traces."""
