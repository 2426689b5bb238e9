"""`make fuzz`: sends invalid input to the payload decoders, a real server's sockets and its routes.

Every case follows from a seed and its number, so that one command reproduces it. A finding is a case and the
promise that it violated.
"""
