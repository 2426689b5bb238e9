"""`make chaos`: real faults against real processes under load, and what became of every single request.

It knows the server by its command line, its HTTP and its signals. What a right answer is, the artifact says.
"""
