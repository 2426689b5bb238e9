"""The artifact's contract, shared by training and service: schema, digests, versions, golden answers.

An artifact is a folder `<name>/<version>/` that training sealed; its `contract.json` describes it.
"""

from app.contract.artifact import (
    CARD_FILE,
    MAX_TEXT_BYTES,
    Artifact,
    Golden,
    open_artifact,
    parse_contract,
    read_contract,
)
from app.contract.drift import MAX_DRIFT_LABELS, DriftContent, DriftPart, DriftReference, DriftView
from app.contract.explanation import (
    CellsPart,
    Curve,
    ExplanationContent,
    ExplanationReference,
    Faithfulness,
    FrequencyPart,
    Perturbations,
    TimePart,
)
from app.contract.files import MAX_FILE_BYTES, sha256_of
from app.contract.numbering import MAX_VERSION, version_number
from app.contract.pin import MAX_PIN_BYTES, PIN_FILE, missing_pinned, pin, pinned_number
from app.contract.schema import (
    CONTRACT_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    SCHEMA_VERSION,
    Contract,
    DerivedGraph,
    InputSpec,
    Label,
    OutputSpec,
    Provenance,
)
from app.contract.signature import SIGNATURE_FILE, check_private_key, sign, verify_signature
from app.contract.trust import LabelSets, NoveltySpec, Trust, ValueThresholds
from app.contract.versions import (
    check_number,
    find_version,
    misnamed_versions,
    newest_version,
    numbered_versions,
    state_of,
)
from app.contract.wording import reason_of

__all__ = [
    "CARD_FILE",
    "CONTRACT_FILE",
    "GOLDEN_FILE",
    "MAX_DRIFT_LABELS",
    "MAX_FILE_BYTES",
    "MAX_PIN_BYTES",
    "MAX_TEXT_BYTES",
    "MAX_VERSION",
    "MODEL_FILE",
    "PIN_FILE",
    "SCHEMA_VERSION",
    "SIGNATURE_FILE",
    "Artifact",
    "CellsPart",
    "Contract",
    "Curve",
    "DerivedGraph",
    "DriftContent",
    "DriftPart",
    "DriftReference",
    "DriftView",
    "ExplanationContent",
    "ExplanationReference",
    "Faithfulness",
    "FrequencyPart",
    "Golden",
    "InputSpec",
    "Label",
    "LabelSets",
    "NoveltySpec",
    "OutputSpec",
    "Perturbations",
    "Provenance",
    "TimePart",
    "Trust",
    "ValueThresholds",
    "check_number",
    "check_private_key",
    "find_version",
    "misnamed_versions",
    "missing_pinned",
    "newest_version",
    "numbered_versions",
    "open_artifact",
    "parse_contract",
    "pin",
    "pinned_number",
    "read_contract",
    "reason_of",
    "sha256_of",
    "sign",
    "state_of",
    "verify_signature",
    "version_number",
]
