"""Names, types and shapes of the model's input and outputs, as TensorFlow Serving describes them.

There is one signature. It has several outputs, so predictions are objects by the outputs' names.
"""

from __future__ import annotations

from typing import Any

from app.contract import Contract

SIGNATURE = "serving_default"
INPUT = "series"
PROBABILITIES, LABEL, LABEL_SET, OOD_SCORE = "probabilities", "label", "label_set", "ood_score"
_METHOD = "tensorflow/serving/predict"


def metadata(contract: Contract) -> dict[str, Any]:
    """The metadata of a version."""
    classes = contract.classes
    outputs = {
        PROBABILITIES: _tensor(PROBABILITIES, "DT_FLOAT", classes),
        LABEL: _tensor(LABEL, "DT_STRING"),
    }
    if contract.trust:
        outputs |= {
            LABEL_SET: _tensor(LABEL_SET, "DT_BOOL", classes),
            OOD_SCORE: _tensor(OOD_SCORE, "DT_FLOAT"),
        }
    signature = {
        "inputs": {INPUT: _tensor(INPUT, "DT_FLOAT", *contract.input.spec.shape)},
        "outputs": outputs,
        "method_name": _METHOD,
    }
    return {
        "model_spec": {"name": contract.name, "signature_name": "", "version": str(contract.version)},
        # Twice: the first is the name of the metadata, the second the field of its message.
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


def _tensor(name: str, dtype: str, *sizes: int) -> dict[str, Any]:
    """The description of a tensor `[n, *sizes]`."""
    return {
        "dtype": dtype,
        # 64-bit integers are strings in protobuf's JSON.
        "tensor_shape": {
            "dim": [{"size": str(size), "name": ""} for size in (-1, *sizes)],
            "unknown_rank": False,
        },
        "name": f"{SIGNATURE}_{name}:0",
    }
