"""Request and response bodies: bytes of each media type to and from validated float32 arrays.

It knows the shape of series and the limits, but neither the model nor HTTP.
"""

from app.api.payloads.content_encoding import decompress
from app.api.payloads.encoders import Encoder, Encoders, JsonEncoder, NpyEncoder
from app.api.payloads.evidence.explanation_example import explanation_example
from app.api.payloads.evidence.explanations import encode_explanations, explanation_documents
from app.api.payloads.field_encoder import NpyFieldsEncoder
from app.api.payloads.finite import to_finite_float32
from app.api.payloads.json_body import JsonDecoder
from app.api.payloads.media_types import (
    JSON,
    NPY,
    NPY_FIELDS,
    Decoder,
    Decoders,
    media_type_of,
    response_type,
)
from app.api.payloads.npy_body import NpyDecoder

__all__ = [
    "JSON",
    "NPY",
    "NPY_FIELDS",
    "Decoder",
    "Decoders",
    "Encoder",
    "Encoders",
    "JsonDecoder",
    "JsonEncoder",
    "NpyDecoder",
    "NpyEncoder",
    "NpyFieldsEncoder",
    "decompress",
    "encode_explanations",
    "explanation_documents",
    "explanation_example",
    "media_type_of",
    "response_type",
    "to_finite_float32",
]
