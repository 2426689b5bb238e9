"""`make ray`: what Ray Serve costs beside the server alone, and what clients lose when a process is killed.

All ratios are of one round: the machine's speed may change between rounds, not within one.
"""
