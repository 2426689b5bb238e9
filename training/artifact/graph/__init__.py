"""Simplify a converted graph before it is sealed: the same function in fewer and cheaper operations.

A converter writes down how Keras computes, and a runtime computes what is written. Each module here matches
one part of a model and replaces it with a faster equivalent. A part that does not match is left unchanged: it
is slower, but correct. When a version is sealed, its golden series verify that the outputs stay the same, up
to float32 rounding.
"""

from __future__ import annotations

from typing import Any

from training.artifact.graph import attention, layer_norms, spectra


def simplify(graph: Any) -> Any:
    """Rewrite the known patterns of an OpenVINO graph in place: all of a model of `training.model.sealed`.

    Args:
        graph: an `openvino.Model` of series `float32[?, length, channels]` that z-normalises each channel
            first.

    Returns:
        The same graph.
    """
    layer_norms.rewrite(graph)
    attention.rewrite(graph)  # after the layer norms: it uses the bounds of their outputs
    spectra.rewrite(graph)
    graph.validate_nodes_and_infer_types()
    return graph
