"""Data sets: their files, reading them, and the training series of each epoch."""
