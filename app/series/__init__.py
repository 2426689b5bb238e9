"""What training, server, client and command line share about series: arrays and files, no HTTP."""
