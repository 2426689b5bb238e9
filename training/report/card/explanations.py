"""How predictions are explained, and how faithful that was measured to be."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.contract import Curve
from training.report.report import Report
from training.report.tables import paragraphs, percent, table

# Name of a perturbation to what it does.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "smooth_window": "overlapping windows, pulled to the mean",
        "interpolated_gap": "windows, replaced by straight lines",
        "band_gain": "overlapping bands, changed to the training median",
        "band_stop": "overlapping bands, removed",
        "cell_gain": "cells, changed to the training median",
        "cell_stop": "cells, removed",
    }
)


def explanations(report: Report) -> str:
    """The measures of all candidates and the choice; empty if nothing was measured."""
    measured = report.explanation
    if measured is None:
        return ""
    chosen = measured.perturbations
    names = {
        "time": chosen.time.perturbation,
        "frequency": chosen.frequency.perturbation,
        "cells": chosen.cells.perturbation,
    }
    rows = [
        [
            part,
            f"{TITLES[name]} (`{name}`)" + (", **used**" if names[part] == name else ""),
            _curve(figures.deletion),
            _curve(figures.insertion),
            "-" if figures.unlike is None else percent(figures.unlike),
            "-" if figures.unlike_in_curves is None else percent(figures.unlike_in_curves),
        ]
        for part, candidates in measured.candidates.items()
        for name, figures in candidates.items()
    ]
    return paragraphs(
        "`POST /explain` perturbs regions of a series and reports how the probability of a class changes. An "
        "explanation says what this model reacts to, not what causes the symptom, and it compares with the "
        f"training data's median, not with another class. Measured on {chosen.series} training series held "
        "out of the fit: mean probability of the predicted class while up to half of the regions are "
        "perturbed (deletion), or up to half are restored after all were perturbed (insertion), the most "
        "important regions first / in random order / the least important first.",
        table(
            [
                "part",
                "perturbation",
                "deletion",
                "insertion",
                "variants unlike the data, one region",
                "variants unlike the data, curves",
            ],
            rows,
        ),
        "Used is the perturbation with the fewest variants unlike the data in the curves, among those whose "
        "deletion tells at least 0.02 more than a random order.",
    )


def _curve(curve: Curve) -> str:
    return f"{curve.most_first:.3f} / {curve.random:.3f} / {curve.least_first:.3f}"
