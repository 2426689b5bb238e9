"""Coverage of the label sets, out-of-distribution (OOD) detection, and accuracy without attention.

Everything is measured on the test series. In-distribution series are of the data set, near-OOD series are of
data sets with the same kind of signal, and OOD series are of other data sets or synthetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from app.contract import Trust
from app.series.offset import narrow
from app.series.scores import accuracy
from training.data.ood_series import other_datasets, related_datasets, synthetic_series
from training.data.sources import package_folder
from training.data.ucr import Dataset
from training.evaluation.accuracy import Evaluation, ModelOutputs, Predict, views
from training.evaluation.uniform_attention import uniform_attention

# How clients are expected to send series; trust is calibrated on training series in these two views.
EXPECTED_VIEWS = ("stored", "rounded_2")

Scores = NDArray[np.float32]
OodKind = Literal["synthetic", "archive", "near"]


@dataclass(frozen=True, slots=True)
class SetSizes:
    """The label sets of the service by size.

    Attributes:
        shares: size to the fraction of test series.
        single_accuracy: fraction of the sets with one label that hold the true one; None without such sets.
    """

    shares: dict[int, float]
    single_accuracy: float | None

    def share(self, least: int, most: float) -> float:
        """Fraction of the sets with `least` to `most` labels."""
        return sum(share for size, share in self.shares.items() if least <= size <= most)


@dataclass(frozen=True, slots=True)
class OodGroup:
    """A group of series that are not of the data set.

    Attributes:
        novelty: `float32[n]`.
        kind: synthetic, of another data set of the archive, or near-OOD.
    """

    novelty: Scores
    kind: OodKind


@dataclass(frozen=True, slots=True)
class TrustEvaluation:
    """Trust measured on the test series; a view is one of `EXPECTED_VIEWS`.

    Attributes:
        coverage: view to level to the fraction of series whose true label is in the set.
        set_sizes: view to the sizes of the sets at the level of the service.
        ood_auroc: view to the area under the ROC curve (AUROC) of the novelty: test series against all OOD
            series except near-OOD ones.
        near_ood_auroc: name of a near-OOD data set to view to the AUROC against that data set.
        ood_groups: name of a group of OOD or near-OOD series to the group.
        uniform_attention: view to the accuracy if every token attends to all tokens equally.
    """

    coverage: dict[str, dict[str, float]]
    set_sizes: dict[str, SetSizes]
    ood_auroc: dict[str, float]
    near_ood_auroc: dict[str, dict[str, float]]
    ood_groups: Mapping[str, OodGroup]
    uniform_attention: dict[str, float]


def evaluate_trust(
    model: Any, predict: Predict, trust: Trust, evaluation: Evaluation, dataset: Dataset
) -> TrustEvaluation:
    """Evaluate on the test series and on OOD series.

    Args:
        model: the `keras.Model` behind `predict`; its attention is made uniform temporarily.
        predict: computes outputs of series `float32[n, length]`.
        trust: of the contract.
        evaluation: of the same model and data set.
        dataset: its test series are evaluated.
    """
    outputs = {view: evaluation.outputs[view] for view in EXPECTED_VIEWS}
    groups = _ood_groups(predict, dataset)
    ood_scores = np.concatenate([group.novelty for group in groups.values() if group.kind != "near"])
    near = {name: group.novelty for name, group in groups.items() if group.kind == "near"}
    return TrustEvaluation(
        coverage={view: _coverage(output, trust, dataset) for view, output in outputs.items()},
        set_sizes={view: _set_sizes(output, trust, dataset) for view, output in outputs.items()},
        ood_auroc={view: _auroc(novelty_scores(output), ood_scores) for view, output in outputs.items()},
        near_ood_auroc={
            name: {view: _auroc(novelty_scores(output), scores) for view, output in outputs.items()}
            for name, scores in near.items()
        },
        ood_groups=groups,
        uniform_attention=_without_attention(model, predict, dataset),
    )


def label_sets(outputs: ModelOutputs, trust: Trust, threshold: float) -> NDArray[np.bool_]:
    """The label set of each series, `bool[n, classes]`; empty for an OOD series."""
    known = novelty_scores(outputs) <= trust.novelty.threshold
    chosen: NDArray[np.bool_] = (outputs.probabilities >= threshold) & known[:, np.newaxis]
    return chosen


class NoveltyGroups(NamedTuple):
    """Novelty `float32[n]` of groups of series, by the name of the group."""

    in_distribution: dict[str, Scores]
    near_ood: dict[str, Scores]
    ood: dict[str, Scores]


def novelty_groups(evaluation: Evaluation, trust: TrustEvaluation, *, name: str) -> NoveltyGroups:
    """The groups for a plot: all OOD data sets of the archive form one group.

    Args:
        evaluation: of the test series.
        trust: of the same model.
        name: of the data set.
    """
    titles = {"stored": f"{name}, as stored", "rounded_2": f"{name}, rounded to 2 decimals"}
    in_distribution = {title: novelty_scores(evaluation.outputs[view]) for view, title in titles.items()}
    near_ood, archive, synthetic = (
        {title: group.novelty for title, group in trust.ood_groups.items() if group.kind == kind}
        for kind in ("near", "archive", "synthetic")
    )
    pooled = (
        {f"{len(archive)} other UCR data sets": np.concatenate(list(archive.values()))} if archive else {}
    )
    return NoveltyGroups(in_distribution, near_ood, pooled | synthetic)


def novelty_scores(outputs: ModelOutputs) -> Scores:
    """The novelty `float32[n]` of a model with a novelty output.

    Raises:
        ValueError: the model has no such output.
    """
    if outputs.novelty is None:
        raise ValueError("the model has no novelty output")
    return outputs.novelty


def _coverage(outputs: ModelOutputs, trust: Trust, dataset: Dataset) -> dict[str, float]:
    targets = dataset.test_targets
    sets = {
        level: label_sets(outputs, trust, threshold)
        for level, threshold in trust.label_sets.thresholds.items()
    }
    return {level: float(np.mean(chosen[np.arange(len(targets)), targets])) for level, chosen in sets.items()}


def _set_sizes(outputs: ModelOutputs, trust: Trust, dataset: Dataset) -> SetSizes:
    sizes = label_sets(outputs, trust, trust.label_sets.threshold).sum(axis=1)
    single = sizes == 1
    # A set of one label holds the most probable one.
    correct = outputs.probabilities[single].argmax(axis=1) == dataset.test_targets[single]
    return SetSizes(
        shares={int(size): float(np.mean(sizes == size)) for size in np.unique(sizes)},
        single_accuracy=float(correct.mean()) if single.any() else None,
    )


def _without_attention(model: Any, predict: Predict, dataset: Dataset) -> dict[str, float]:
    series = views(dataset.test)
    with uniform_attention(model):
        return {
            view: accuracy(predict(series[view]).probabilities, dataset.test_targets)
            for view in EXPECTED_VIEWS
        }


def _ood_groups(predict: Predict, dataset: Dataset) -> dict[str, OodGroup]:
    folder, related = package_folder(), related_datasets(dataset.name)
    others = other_datasets(folder, dataset.length, exclude=dataset.name) if folder else {}
    groups: list[tuple[str, NDArray[np.float64], OodKind]] = [
        *((name, series, "synthetic") for name, series in synthetic_series(dataset.length).items()),
        *((name, series, "near" if name in related else "archive") for name, series in others.items()),
    ]
    # One call for all groups: a call has a high fixed cost.
    novelty = novelty_scores(predict(narrow(np.concatenate([series for _, series, _ in groups])).series))
    parts = np.split(novelty, np.cumsum([len(series) for _, series, _ in groups])[:-1])
    return {name: OodGroup(part, kind) for (name, _, kind), part in zip(groups, parts, strict=True)}


def _auroc(in_distribution: Scores, ood: Scores) -> float:
    truth = np.concatenate([np.zeros(len(in_distribution)), np.ones(len(ood))])
    return float(roc_auc_score(truth, np.concatenate([in_distribution, ood])))
