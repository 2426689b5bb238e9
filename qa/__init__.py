"""Proofs that take long: fault injection under load, and broken input."""
