"""Shared by tests, fault injection, fuzzing and benchmarks: an HTTP/1.1 client, real servers, and /proc."""
