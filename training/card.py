"""The model card: what the model is, what it was trained on, what it is worth, where it ends."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass

from app.contract import Label
from training.augment import NOISE_RANGE
from training.checkpoint import RunState
from training.config import TrainingConfig
from training.data import Dataset
from training.evaluate import NOISE, Evaluation, Leak
from training.meanings import about

VIEWS = {
    "stored": "as stored",
    "rounded_3": "rounded to 3 decimals",
    "rounded_2": "**rounded to 2 decimals**",
    "rounded_1": "rounded to 1 decimal",
    "noise": f"with white noise of standard deviation {NOISE}",
}
# Above this, counting distinct values tells so much that the files' precision must have to do with it.
LEAKS = 0.9

TEMPLATE = string.Template("""\
# $title

It takes a raw series of $length numbers, of any offset and scale, and answers with the probability of each
class.

$model

| label | meaning |
|---|---|
$classes

## Results

On the $test test series, which had no part in training or in choosing its settings:

| test series | accuracy |
|---|---|
$results

On the training series that were held out to choose the weights ($held_out): $validation.

### Why several rows

$leak

### Pictures

$plots

## Data

$about

$train training and $test test series.

| file | SHA-256 |
|---|---|
$digests

## How it was trained

$recipe.

$course

## Limits

- It knows the classes above and nothing else: a series of another kind still gets probabilities of them.
- The sampling rate must be that of the data set; nothing in a request would reveal another one.
- The probabilities were not calibrated. A constant series gets an answer, but it means nothing.
- Noise that the training series do not have costs accuracy, as the table shows.

## Make it again

```sh
$command
```

All settings are in `contract.json` under `provenance`. The same seed ($seed) on the same machine gives the
same weights; elsewhere, sums in another order move the accuracy a little. Made with $versions.
""")


@dataclass(frozen=True, slots=True)
class Card:
    """Everything the card says. `plots` are titles and file names."""

    config: TrainingConfig
    dataset: Dataset
    state: RunState
    evaluation: Evaluation
    labels: tuple[Label, ...]
    parameters: int
    versions: Mapping[str, str]
    command: str
    plots: Mapping[str, str]

    def as_markdown(self) -> str:
        """The card's text."""
        config, dataset, state = self.config, self.dataset, self.state
        accuracies = self.evaluation.accuracies
        return TEMPLATE.substitute(
            title=f"{config.artifact_name}: {dataset.name} by the {config.model} model",
            length=dataset.length,
            model=f"{_model(config)} {self.parameters:,} weights in all.",
            classes="\n".join(f"| `{label.name}` | {label.meaning} |" for label in self.labels),
            test=f"{len(dataset.test):,}",
            train=f"{len(dataset.train):,}",
            results="\n".join(f"| {title} | {accuracies[view]:.2%} |" for view, title in VIEWS.items()),
            held_out=f"{config.validation_fraction:.0%}",
            validation=f"{state.kept['val_accuracy']:.2%}",
            leak=_leak(self.evaluation.leak, self.labels, accuracies),
            plots="\n\n".join(f"![{title}]({file})" for title, file in self.plots.items()),
            about=about(dataset.name),
            digests="\n".join(f"| `{name}` | `{digest}` |" for name, digest in dataset.sha256.items()),
            recipe=_recipe(config),
            course=(
                f"{state.epochs} epochs took {state.seconds:,.0f} seconds; the weights of epoch "
                f"{state.best_epoch}, the one with the lowest validation loss, were kept."
            ),
            command=self.command,
            seed=config.seed,
            versions=", ".join(f"{name} {version}" for name, version in self.versions.items()),
        )


def _model(config: TrainingConfig) -> str:
    if config.model == "reference":
        return (
            'It is the model of the Keras example "Timeseries classification with a Transformer model", '
            "layer for layer, here to be compared with: its attention has no effect on its answers, for each "
            "branch ends in a normalisation over a single feature."
        )
    return (
        "It is a transformer over frequency: the average power spectra of the series (Hann windows of "
        f"{' and '.join(map(str, config.windows))} samples), their logarithm cut into tokens of "
        f"{config.patch} bins, {config.blocks} encoder blocks of width {config.width} with {config.heads} "
        "attention heads, mean pooling, and a small perceptron."
    )


def _recipe(config: TrainingConfig) -> str:
    optimizer = "AdamW" if config.weight_decay else "Adam"
    parts = [
        f"{optimizer} with a {config.schedule} learning rate of at most {config.learning_rate:g}",
        f"batches of {config.batch_size}",
    ]
    if config.mixing:
        parts.append(
            f"{config.mixing:.0%} of the series mixed with another one, and so are their targets (hence a "
            "training loss above that of validation)"
        )
    if config.rounding:
        parts.append(f"{config.rounding:.0%} rounded to 2 decimals")
    if config.noise:
        parts.append(
            f"{config.noise:.0%} with white noise of a standard deviation from {NOISE_RANGE[0]} to "
            f"{NOISE_RANGE[1]}"
        )
    if config.averaging:
        parts.append(f"weights averaged over the epochs with a decay of {config.averaging:g}")
    return "; ".join(parts)


def _leak(leak: Leak | None, labels: tuple[Label, ...], accuracies: Mapping[str, float]) -> str:
    why = "Clients rarely send all the decimals of a data set's files: a result on those alone is not enough."
    if leak is None:
        return why
    counts = " and ".join(
        "{} to {} for `{}`".format(*leak.ranges[label.name], label.name)
        for label in labels
        if label.name in leak.ranges
    )
    verdict = (
        "**The labels leak through rounding**: the two classes were stored with different precision, and a "
        "perfect score on the stored files need not mean anything."
        if leak.stored > LEAKS
        else "So the precision of the stored values gives nothing away."
    )
    lost = (accuracies["stored"] - accuracies["rounded_2"]) * 100
    return (
        f"{why} A classifier that does nothing but count the distinct values of a series ({counts}) is right "
        f"on {leak.stored:.2%} of the stored test series, and on {leak.rounded:.2%} once they are rounded to "
        f"2 decimals. {verdict} This model loses {lost:.2f} points by that rounding. Judge it by that row."
    )
