"""The Open Inference Protocol, version 2, as KServe and Triton speak it.

| module | what | knows |
|---|---|---|
| `inputs`, `outputs` | tensors to series, predictions to tensors | no JSON, no HTTP |
| `metadata`, `statistics` | what the protocol tells of models | no JSON, no HTTP |

`app.grpc` uses these, too.
"""
