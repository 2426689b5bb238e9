"""Allow lists of Keras classes and functions for served models; names only, so that checks need no Keras.

Other names are refused. Add one when a model needs it, if it is arithmetic and takes no code.
"""

from __future__ import annotations

# fmt: off
# Of keras.ops, arithmetic. Excluded: functions as arguments (Map, Scan, Cond, ...), and large outputs from
# small inputs (Tile, Repeat, BroadcastTo, ...), from none (Arange, Full, ...), or several (Split, ...).
CLASSES: dict[str, frozenset[str]] = {
    "keras": frozenset({"DTypePolicy", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.layers": frozenset({
        "Activation", "Add", "AveragePooling1D", "BatchNormalization", "Concatenate", "Conv1D", "Dense",
        "DepthwiseConv1D", "Dropout", "EinsumDense", "Embedding", "Flatten", "GlobalAveragePooling1D",
        "GlobalMaxPooling1D", "InputLayer", "LayerNormalization", "MaxPooling1D", "MultiHeadAttention",
        "Multiply", "Normalization", "Permute", "ReLU", "Rescaling", "Reshape", "STFTSpectrogram",
        "SeparableConv1D", "Softmax", "SpatialDropout1D", "Subtract", "UnitNormalization", "ZeroPadding1D",
    }),
    "keras.initializers": frozenset({
        "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal",
        "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "STFT", "TruncatedNormal",
        "VarianceScaling", "Zeros",
    }),
    "keras.regularizers": frozenset({"L1", "L1L2", "L2", "OrthogonalRegularizer"}),
    "keras.constraints": frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}),
    "keras.src.ops.core": frozenset({"Cast", "StopGradient"}),
    "keras.src.ops.math": frozenset({
        "Erf", "Erfc", "ExtractSequences", "FFT", "IRFFT", "ISTFT", "Logsumexp", "RFFT", "Rsqrt", "STFT",
    }),
    "keras.src.ops.nn": frozenset({
        "AveragePool", "BatchNorm", "Celu", "Conv", "DepthwiseConv", "DotProductAttention", "Elu", "Gelu",
        "HardSigmoid", "HardSilu", "HardTanh", "LayerNorm", "LeakyRelu", "LogSigmoid", "LogSoftmax",
        "MaxPool", "Moments", "Normalize", "RMSNorm", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softmax",
        "Softplus", "Softsign",
    }),
    "keras.src.ops.numpy": frozenset({
        "Abs", "Absolute", "Add", "Amax", "Amin", "Average", "Clip", "Concatenate", "Cos", "Cosh", "Cumsum",
        "Diff", "Divide", "DivideNoNan", "Dot", "Einsum", "Equal", "Exp", "ExpandDims", "Expm1", "Flip",
        "Floor", "GetItem", "Greater", "GreaterEqual", "Isfinite", "Isnan", "Less", "LessEqual", "Log",
        "Log10", "Log1p", "Log2", "LogicalAnd", "LogicalNot", "LogicalOr", "Matmul", "Max", "Maximum", "Mean",
        "Median", "Min", "Minimum", "Mod", "Moveaxis", "Multiply", "NanToNum", "Negative", "NotEqual",
        "OnesLike", "Pad", "Power", "Prod", "Ravel", "Reciprocal", "Reshape", "Roll", "Round", "Sign", "Sin",
        "Sinh", "Sort", "Sqrt", "Square", "Squeeze", "Stack", "Std", "Subtract", "Sum", "Swapaxes",
        "Take", "Tan", "Tanh", "Tensordot", "Transpose", "TrueDivide", "Var", "Where", "ZerosLike",
    }),
}
# Activations are the only functions that a configuration gives by a bare name.
ACTIVATIONS = frozenset({
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
})
# fmt: on

# Tensors, and values that JSON has no form for; they have no module.
VALUES = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__"})
