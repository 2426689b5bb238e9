"""`make chaos`: injects real faults into real processes under load, and checks the outcome of every request.

It uses the server's command line, HTTP and signals only. The artifact's golden answers are the oracle.
"""
