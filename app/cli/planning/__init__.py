"""Replicas for a rate of requests, from measured loads of one replica."""
