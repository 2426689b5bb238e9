"""Series in, predictions out: model versions, batching, engines. It knows no bytes and no HTTP."""
