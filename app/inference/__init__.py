"""Series in, predictions out: versions of the model, batches, engines. It knows no bytes and no HTTP."""
