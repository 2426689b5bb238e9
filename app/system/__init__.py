"""The process and its system: files, cores, memory and time. It knows nothing of the product."""
