"""The same function in fewer and cheaper operations: what is done to a converted graph before it is sealed.

A converter writes down how Keras computes; a runtime computes what is written. Each module here knows one
part of a model that can be written better, and replaces it. What does not look as expected stays as it is: it
is slower, and as right. That answers stay the same, up to float32's rounding, is checked with the golden
series when a version is sealed.
"""

from __future__ import annotations

from typing import Any

from training.artifact.graph import attention, layer_norms, spectra


def simplify(graph: Any) -> Any:
    """Rewrite in place what is known of an OpenVINO graph: all of one of `training.model.sealed`.

    Args:
        graph: an `openvino.Model` of series `float32[?, length, channels]`, which it z-normalises before all
            else, each channel by itself.

    Returns:
        The same graph.
    """
    layer_norms.rewrite(graph)
    attention.rewrite(graph)  # after the layer norms, whose outputs it knows to be bounded
    spectra.rewrite(graph)
    graph.validate_nodes_and_infer_types()
    return graph
