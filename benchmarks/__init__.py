"""Measures the server's speed on this machine. No figure passes or fails a build."""
