"""Series as arrays and files, shared by training, server, client and command line; no HTTP."""
