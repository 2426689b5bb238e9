"""`make fuzz`: broken input of every kind, to the payload decoders, a real server's sockets and its routes.

Every case comes from a seed and its number, so that one line makes it again. Nothing here repairs or
explains: a finding is a case, and what it broke.
"""
