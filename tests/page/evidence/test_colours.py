"""The colours of what speaks for and against a label, also for colour-blind people; no browser is needed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.page import FOLDER

# Linear RGB as dichromats see it: Machado, Oliveira and Fernandes, "A physiologically-based model for
# simulation of color vision deficiency", 2009, severity 1.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# CIE 1931, D65.
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def colours(theme: str) -> dict[str, NDArray[np.float64]]:
    """Linear RGB of the custom properties of a theme."""
    light, dark = (
        (FOLDER / "static" / "styles" / "base.css").read_text().split("@media (prefers-color-scheme", 1)
    )
    text = light if theme == "light" else dark
    return {
        name: linear(np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)]) / 255)
        for name, code in re.findall(r"--([a-z0-9-]+): #([0-9a-f]{6});", text)
    }


def linear(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear RGB of sRGB."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Any) -> NDArray[np.float64]:
    """CIELAB of linear RGB."""
    scaled = XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """WCAG's contrast ratio."""
    darker, lighter = sorted((XYZ[1] @ one, XYZ[1] @ other))
    return float((lighter + 0.05) / (darker + 0.05))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_for_and_against_differ_for_everyone(theme: str) -> None:
    """By far more than what is just noticeable, which is about 2.

    They also differ from the surface, and from a line that is drawn on them.
    """
    found = colours(theme)
    for vision, matrix in VISIONS.items():
        speaks_for, against = (lab(np.array(matrix) @ found[name]) for name in ("for", "against"))
        assert np.linalg.norm(speaks_for - against) > 40, vision
    for name in ("for", "against"):
        assert contrast(found[name], found["surface"]) >= 3
        assert contrast(found[name], found["ink"]) >= 3
