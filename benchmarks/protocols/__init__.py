"""`make bench-protocols`: what each wire protocol costs, beside the server's own and beside Triton.

All ratios are of one round: the machine's speed may change between rounds, not within one.
"""
