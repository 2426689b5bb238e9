"""In words: what the model is, how it was trained, and what it cannot do."""

from __future__ import annotations

from training.config import TrainingConfig
from training.data.augment import NOISE_RANGE
from training.data.precisions import WIDE_NOISE
from training.model.spectrum import window_lengths
from training.report.report import Report
from training.report.tables import about, paragraphs, table


def what_it_is(report: Report) -> str:
    """What goes in, what comes out, what is between, and the classes."""
    unlike = ", and with how unlike the training data the series is" if report.trust else ""
    return paragraphs(
        f"It takes a raw series of {report.dataset.length} numbers, of any offset and scale, and answers "
        f"with the probability of each class{unlike}.",
        f"{_model(report)} {report.trained.model.count_params():,} numbers in all.",
        table(["label", "meaning"], [[f"`{label.name}`", label.meaning] for label in report.labels]),
    )


def how_trained(report: Report) -> str:
    """Teacher, augmentation, optimizer, and how long it took."""
    config = report.config
    spectral = config.model == "transformer" and config.tokens == "spectrum"
    lessons = _spectral_lessons(config) if spectral else _labelled_series(config)
    return paragraphs(lessons, _optimizer(config), _course(report))


def limits(report: Report) -> str:
    """What it is not to be used for."""
    kind = "It knows the classes above and nothing else: any other series gets probabilities of them, too"
    if report.trust:
        trusted = f"""\
- {kind}. Read its novelty first.
- The promises of trust hold for series like the training data. For others they are empty."""
    else:
        trusted = f"""\
- {kind}.
- The probabilities were not calibrated. A constant series gets an answer, but it means nothing."""
    return f"""\
{trusted}
- The sampling rate must be that of the data set; nothing in a request would reveal another one.
- Noise that the training series do not have costs accuracy, as the table above shows."""


def _model(report: Report) -> str:
    config, length = report.config, report.dataset.length
    if config.model != "transformer":
        return _reference(config)
    encoder = (
        f"{config.blocks} encoder blocks of width {config.width} with {config.heads} attention heads relate "
        f"them to each other; each token then hands {config.readout} numbers to a small perceptron, which "
        "gives the answer."
    )
    windows = " and ".join(map(str, window_lengths(config, length)))
    if config.tokens == "spectrum":
        return (
            "It is a transformer over frequency. It computes power spectra of the normalised series in Hann "
            f"windows of {windows} samples, takes their arithmetic and geometric means over time, and cuts "
            f"the logarithms of these into tokens of {config.patch} bins. {encoder} The novelty is the "
            "Mahalanobis distance of the arithmetic means' logarithms from those of the training series."
        )
    return (
        "It is a transformer over time. The largest values of a convolution of the normalised series in each "
        "of its stretches are the tokens. "
        f"{encoder} The novelty is the Mahalanobis distance of the logarithm of the mean power spectra (Hann "
        f"windows of {windows} samples) from those of the training series."
    )


def _reference(config: TrainingConfig) -> str:
    what = {
        "reference": "It is that model, layer for layer",
        "reference-perceptron": "It is the perceptron which that model equals",
    }[config.model]
    return (
        'The Keras example "Timeseries classification with a Transformer model" has a model whose attention '
        "has no effect on its answers, for each branch ends in a normalisation over a single feature. "
        f"{what}, here to be compared with."
    )


def _labelled_series(config: TrainingConfig) -> str:
    low, high = NOISE_RANGE
    parts = [
        "It was fitted to the labels of the training series",
        *(
            [f"{about(config.mixing)} of them mixed with another one, and so their labels"]
            * (config.mixing > 0)
        ),
        *([f"{about(config.rounding)} rounded to 2 decimals"] * (config.rounding > 0)),
        *([f"{about(config.noise)} with white noise of deviation {low} to {high}"] * (config.noise > 0)),
    ]
    return ", ".join(parts) + "."


def _spectral_lessons(config: TrainingConfig) -> str:
    low, high = WIDE_NOISE
    domains = (
        f"{about(1 - config.rounding - config.noise)} of an epoch are spectra of series as stored or with 3 "
        f"decimals, {about(config.rounding)} of series rounded to 2 decimals, {about(config.noise)} of "
        f"series with white noise of a standard deviation from {low} to {high}; {about(config.mixing)} of "
        "them are mixed with another one of the same kind"
    )
    if config.teacher != "svm":
        return f"It was fitted to labels: {domains}, and so are their labels."
    return (
        f"It was taught by support vector machines on the same spectra, one for each kind: {domains}. It "
        "learns not the labels, but what the machine for that kind says of the mixture. The machines are not "
        "part of the artifact. Hence a training loss that does not fall to 0 and cannot be compared with the "
        "one on series held out."
    )


def _optimizer(config: TrainingConfig) -> str:
    optimizer = "AdamW" if config.weight_decay else "Adam"
    averaged = f"; weights averaged over the epochs with a decay of {config.averaging:g}"
    return (
        f"{optimizer} with a {config.schedule} learning rate of at most {config.learning_rate:g}; batches of "
        f"{config.batch_size}{averaged if config.averaging else ''}."
    )


def _course(report: Report) -> str:
    final, *folds = report.trained.states
    took = f"{report.training_seconds:,.0f} seconds in all."
    if folds:
        return (
            f"{final.epochs} epochs on all training series; the weights are those of the last one. "
            f"{len(folds)} copies, each fitted in the same way to all but a fold, answered for the series of "
            f"that fold: temperature, thresholds and quantiles come from those answers. {took.capitalize()}"
        )
    return (
        f"{final.epochs} epochs; {about(report.config.validation_fraction)} of the training series were held "
        f"out, and the weights of epoch {final.best_epoch}, the one with the lowest validation loss, were "
        f"kept. {took.capitalize()}"
    )
