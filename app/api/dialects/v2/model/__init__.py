"""The served model in the terms of the Open Inference Protocol, for HTTP and gRPC: no JSON, no HTTP.

| module | what |
|---|---|
| `inputs` | tensors to series |
| `outputs` | predictions to tensors |
| `metadata` | the server, the model and its versions |
| `statistics` | requests, batches and their times |
"""
