"""Whether the trust that a contract promises holds on the test series, and what the attention is worth."""

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
from training.data.other_series import made_up, other_datasets, relatives_of
from training.data.sources import package_folder
from training.data.ucr import Dataset
from training.evaluation.accuracy import Answers, Evaluation, Predict, views
from training.evaluation.uniform_attention import uniform_attention

# How series are expected to come; trust was measured on training series in these two.
KNOWN_VIEWS = ("stored", "rounded_2")

Scores = NDArray[np.float32]
Origin = Literal["made up", "archive", "relative"]


@dataclass(frozen=True, slots=True)
class SetSizes:
    """The label sets that the service answers with, by their size.

    Attributes:
        shares: size to the share of test series.
        single_accuracy: share of the sets with one label that hold the true one; None without any.
    """

    shares: dict[int, float]
    single_accuracy: float | None

    def share(self, least: int, most: float) -> float:
        """Share of the sets with a number of labels within limits."""
        return sum(share for size, share in self.shares.items() if least <= size <= most)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A group of series that are not of the data set.

    Attributes:
        novelty: `float32[n]`.
        origin: made up, of the archive, or of a relative: a data set with the same kind of signal.
    """

    novelty: Scores
    origin: Origin


@dataclass(frozen=True, slots=True)
class TrustEvaluation:
    """What trust is worth on the test series; the names of `KNOWN_VIEWS` are the keys that are called views.

    Attributes:
        coverage: view to level to the share of series whose true label is in the set.
        set_sizes: view to the sets at the level that the service answers at.
        separation: view to the area under the ROC curve of the novelty, the test series against all that is
            foreign.
        related: name of a data set with the same kind of signal to the same against it; such a set has no
            part in `separation`.
        foreign: name of a group of other series to the group.
        uniform_attention: view to the accuracy when every token attends to all others alike.
    """

    coverage: dict[str, dict[str, float]]
    set_sizes: dict[str, SetSizes]
    separation: dict[str, float]
    related: dict[str, dict[str, float]]
    foreign: Mapping[str, Foreign]
    uniform_attention: dict[str, float]


def evaluate_trust(
    model: Any, predict: Predict, trust: Trust, evaluation: Evaluation, dataset: Dataset
) -> TrustEvaluation:
    """Evaluate on the test series and on series from elsewhere.

    Args:
        model: the `keras.Model` behind `predict`; its attention is switched off for a while.
        predict: answers series `float32[n, length]`.
        trust: as sealed.
        evaluation: of the same model and data set.
        dataset: its test series are asked.
    """
    known = {view: evaluation.answers[view] for view in KNOWN_VIEWS}
    foreign = _foreign(predict, dataset)
    strangers = np.concatenate([group.novelty for group in foreign.values() if group.origin != "relative"])
    related = {name: group.novelty for name, group in foreign.items() if group.origin == "relative"}
    return TrustEvaluation(
        coverage={view: _coverage(answers, trust, dataset) for view, answers in known.items()},
        set_sizes={view: _set_sizes(answers, trust, dataset) for view, answers in known.items()},
        separation={view: _area(novelty_of(answers), strangers) for view, answers in known.items()},
        related={
            name: {view: _area(novelty_of(answers), scores) for view, answers in known.items()}
            for name, scores in related.items()
        },
        foreign=foreign,
        uniform_attention=_without_attention(model, predict, dataset),
    )


def label_sets(answers: Answers, trust: Trust, threshold: float) -> NDArray[np.bool_]:
    """The set of each series, `bool[n, classes]`; empty for a series unlike the training data."""
    known = novelty_of(answers) <= trust.novelty.threshold
    chosen: NDArray[np.bool_] = (answers.probabilities >= threshold) & known[:, np.newaxis]
    return chosen


class NoveltyGroups(NamedTuple):
    """Novelty `float32[n]` of groups of series, by their names: own ones, those of relatives, all others."""

    own: dict[str, Scores]
    related: dict[str, Scores]
    foreign: dict[str, Scores]


def novelty_groups(evaluation: Evaluation, trust: TrustEvaluation, *, name: str) -> NoveltyGroups:
    """The groups as people look at them: the archive's other data sets are one.

    Args:
        evaluation: of the test series.
        trust: of the same model.
        name: of the data set.
    """
    titles = {"stored": f"{name}, as stored", "rounded_2": f"{name}, rounded to 2 decimals"}
    own = {title: novelty_of(evaluation.answers[view]) for view, title in titles.items()}
    related, archive, made = (
        {title: group.novelty for title, group in trust.foreign.items() if group.origin == origin}
        for origin in ("relative", "archive", "made up")
    )
    pooled = (
        {f"{len(archive)} other UCR data sets": np.concatenate(list(archive.values()))} if archive else {}
    )
    return NoveltyGroups(own, related, pooled | made)


def novelty_of(answers: Answers) -> Scores:
    """The novelty `float32[n]` of a model that has trust.

    Raises:
        ValueError: the model has no such output.
    """
    if answers.novelty is None:
        raise ValueError("trust needs a model with the output novelty")
    return answers.novelty


def _coverage(answers: Answers, trust: Trust, dataset: Dataset) -> dict[str, float]:
    targets = dataset.test_targets
    sets = {
        level: label_sets(answers, trust, threshold)
        for level, threshold in trust.label_sets.thresholds.items()
    }
    return {level: float(np.mean(chosen[np.arange(len(targets)), targets])) for level, chosen in sets.items()}


def _set_sizes(answers: Answers, trust: Trust, dataset: Dataset) -> SetSizes:
    sizes = label_sets(answers, trust, trust.label_sets.threshold).sum(axis=1)
    single = sizes == 1
    # A set of one label holds the most probable one.
    right = answers.probabilities[single].argmax(axis=1) == dataset.test_targets[single]
    return SetSizes(
        shares={int(size): float(np.mean(sizes == size)) for size in np.unique(sizes)},
        single_accuracy=float(right.mean()) if single.any() else None,
    )


def _without_attention(model: Any, predict: Predict, dataset: Dataset) -> dict[str, float]:
    series = views(dataset.test)
    with uniform_attention(model):
        return {
            view: accuracy(predict(series[view]).probabilities, dataset.test_targets) for view in KNOWN_VIEWS
        }


def _foreign(predict: Predict, dataset: Dataset) -> dict[str, Foreign]:
    folder, relatives = package_folder(), relatives_of(dataset.name)
    others = other_datasets(folder, dataset.length, but=dataset.name) if folder else {}
    groups: list[tuple[str, NDArray[np.float64], Origin]] = [
        *((name, series, "made up") for name, series in made_up(dataset.length).items()),
        *((name, series, "relative" if name in relatives else "archive") for name, series in others.items()),
    ]
    # Asked all at once: a call costs more than its series.
    novelty = novelty_of(predict(narrow(np.concatenate([series for _, series, _ in groups])).series))
    parts = np.split(novelty, np.cumsum([len(series) for _, series, _ in groups])[:-1])
    return {name: Foreign(part, origin) for (name, _, origin), part in zip(groups, parts, strict=True)}


def _area(known: Scores, strangers: Scores) -> float:
    truth = np.concatenate([np.zeros(len(known)), np.ones(len(strangers))])
    return float(roc_auc_score(truth, np.concatenate([known, strangers])))
