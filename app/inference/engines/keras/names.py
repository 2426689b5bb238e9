"""What Keras may make for a model that is served: names alone, so that a check of them runs without Keras.

A name that is missing here is refused; add it when a model needs it, if it is arithmetic and takes no code.
"""

from __future__ import annotations

# fmt: off
# Of keras.ops, arithmetic. Left out: what takes a function (Map, Scan, Cond, ...), and what makes a large
# tensor of a small one (Tile, Repeat, BroadcastTo, ...) or of none (Arange, Full, ...), or many (Split, ...).
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
# A layer's activation is the one function that a configuration gives by its bare name.
ACTIVATIONS = frozenset({
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
})
# fmt: on

# Tensors, and plain values that JSON has no form for; they name no module.
VALUES = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__"})
