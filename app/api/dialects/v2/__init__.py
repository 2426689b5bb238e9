"""The Open Inference Protocol, version 2, as KServe and Triton implement it.

| module | what | independent of |
|---|---|---|
| `model/` | tensors to series, predictions to tensors, metadata, statistics | JSON, HTTP |
| `json_fields`, `request`, `elements`, `plain_request` | JSON of requests | HTTP |
| `response`, `documents` | JSON of responses | HTTP |
| `codec`, `dialect`, `routes`, `openapi` | the protocol over HTTP | |

`app.grpc` uses `model/`, too.
"""

from app.api.dialects.v2.dialect import V2

__all__ = ["V2"]
