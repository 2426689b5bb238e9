"""HAProxy's algorithms compared, under uneven requests and with a slow replica.

Each algorithm has a HAProxy of its own with the shipped configuration, before the same two replicas. In a
round each gets the same requests at the same times, one after the other; rounds differ in which is first.
"""
