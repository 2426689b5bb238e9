"""Sends one request: connections, retries, and what the environment says of proxies and certificates."""
