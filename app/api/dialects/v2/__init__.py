"""The Open Inference Protocol, version 2, as KServe and Triton speak it.

| module | what | knows |
|---|---|---|
| `inputs`, `outputs` | tensors to series, predictions to tensors | no JSON, no HTTP |
| `metadata`, `statistics` | what the protocol tells of models | no JSON, no HTTP |
| `json_fields`, `request`, `elements`, `plain_request` | JSON of requests | no HTTP |
| `response`, `documents` | JSON of responses | no HTTP |
| `codec`, `dialect`, `routes`, `openapi` | the protocol over HTTP | |

`app.grpc` uses the first four.
"""

from app.api.dialects.v2.dialect import V2

__all__ = ["V2"]
