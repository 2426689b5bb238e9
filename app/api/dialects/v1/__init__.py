"""TensorFlow Serving's REST protocol and KServe V1, in one dialect: both have the same addresses.

Their clients read different keys of one answer. TensorFlow Serving is what it is written after:
https://www.tensorflow.org/tfx/serving/api_rest; KServe's part is in
https://kserve.github.io/website/latest/modelserving/data_plane/v1_protocol/.

| file | what |
|---|---|
| `dialect.py` | the `Dialect`: paths, options |
| `addresses.py` | the parts of a path: model, version or label, method |
| `codec.py` | bodies to series and predictions to bodies, for one version |
| `body.py` | what a JSON body says, with the places of what is wrong |
| `parsing.py` | JSON texts as values |
| `numbers.py` | TensorFlow Serving's rules for numbers |
| `answers.py` | the texts of predictions |
| `signature.py` | names, types and shapes of inputs and outputs: metadata |
| `errors.py` | its form of errors |
| `status.py` | its other routes: list, status and readiness, metadata, liveness |
| `openapi.py` | its part of the OpenAPI document |
"""

from app.api.dialects.v1.dialect import V1

__all__ = ["V1"]
