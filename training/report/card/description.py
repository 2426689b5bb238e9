"""The card's prose: model details, intended use, training procedure and limitations."""

from __future__ import annotations

from training.config import TrainingConfig
from training.data.augment import NOISE_RANGE
from training.data.precisions import WIDE_NOISE
from training.model.spectrum import window_lengths
from training.report.report import Report
from training.report.tables import paragraphs, short_percent, table


def model_details(report: Report) -> str:
    """Input, output, architecture, number of parameters and classes."""
    ood = " and an OOD (out-of-distribution) score" if report.trust else ""
    return paragraphs(
        f"- Input: one series of {report.dataset.length} values, with any offset and scale.\n"
        f"- Output: the probability of each class{ood}.\n"
        f"- Architecture: {_architecture(report)}\n"
        f"- Parameters: {report.trained.model.count_params():,}, fixed ones included.",
        table(["label", "meaning"], [[f"`{label.name}`", label.meaning] for label in report.labels]),
    )


def intended_use(report: Report) -> str:
    """What to use the model for, and what not."""
    name, length = report.dataset.name, report.dataset.length
    return (
        f"- Use it to classify series like those of {name}: the same kind of signal, the same sampling rate, "
        f"{length} values each.\n"
        f"- Do not use it for other signals: it was evaluated on {name} only.\n"
        "- Do not use it alone for decisions that affect safety."
    )


def training_procedure(report: Report) -> str:
    """Training targets, augmentation, optimizer, fits and training time."""
    config = report.config
    spectral = config.model == "transformer" and config.tokens == "spectrum"
    fitted = _fitted_to_spectra(config) if spectral else _fitted_to_series(config)
    return paragraphs(fitted, _optimizer(config), _fits(report))


def limitations(report: Report) -> str:
    """What the model cannot do, as a list."""
    other_series = "The model knows only the classes above. Any other series gets probabilities of them, too"
    if report.trust:
        uncertainty = f"""\
- {other_series}: check its OOD score first.
- Calibration and coverage hold on average, for series like the training data. They promise nothing for a
  single series or for other data."""
    else:
        uncertainty = f"""\
- {other_series}.
- The probabilities are not calibrated. The prediction for a constant series means nothing."""
    return f"""\
{uncertainty}
- Series must have the sampling rate of the data set. The service cannot detect another rate.
- Noise that the training series do not have lowers the accuracy (see the noise table)."""


def _architecture(report: Report) -> str:
    config, length = report.config, report.dataset.length
    if config.model != "transformer":
        return _reference(config)
    encoder = (
        f"{config.blocks} encoder blocks (width {config.width}, {config.heads} attention heads) process the "
        f"tokens. A small perceptron takes {config.readout} features of each token and returns the class "
        "probabilities."
    )
    if config.tokens == "spectrum":
        windows = " and ".join(map(str, window_lengths(config, length)))
        return (
            "transformer over frequency. The series is normalised. Its power spectra in Hann windows of "
            f"{windows} samples are averaged over time, by the arithmetic and by the geometric mean. The "
            f"logarithms of the means are split into tokens of {config.patch} frequency bins. {encoder}"
        )
    return (
        "transformer over time. The series is normalised and convolved. The largest values of the "
        f"convolution in each segment of the series form a token. {encoder}"
    )


def _reference(config: TrainingConfig) -> str:
    model = {
        "reference": "the model of the Keras example, layer for layer",
        "reference-perceptron": "the perceptron that is equivalent to the model of the Keras example",
    }[config.model]
    return (
        f'{model} ("Timeseries classification with a Transformer model"). It is a baseline: attention has no '
        "effect in it, because each branch ends in a layer normalisation over a single feature."
    )


def _fitted_to_series(config: TrainingConfig) -> str:
    low, high = NOISE_RANGE
    shares = {
        "are mixed with another series, and so are their labels (mixup)": config.mixing,
        "are rounded to 2 decimals": config.rounding,
        f"have white noise added (standard deviation {low} to {high})": config.noise,
    }
    augmentation = "; ".join(f"{short_percent(share)} {what}" for what, share in shares.items() if share)
    return (
        f"The model was fitted to the labels of the training series. Augmentation: {augmentation or 'none'}."
    )


def _fitted_to_spectra(config: TrainingConfig) -> str:
    low, high = WIDE_NOISE
    kinds = (
        f"- {short_percent(1 - config.rounding - config.noise)}: series as stored or rounded to 3 decimals\n"
        f"- {short_percent(config.rounding)}: series rounded to 2 decimals\n"
        f"- {short_percent(config.noise)}: series with white noise (standard deviation {low} to {high})"
    )
    mixing = (
        f"{short_percent(config.mixing)} of the spectra are mixed with another one of the same kind (mixup)"
    )
    if config.teacher != "svm":
        start, targets = "The model was fitted to labels.", f"{mixing}, and so are their labels."
    else:
        start = (
            "Knowledge distillation: the teachers are support vector machines (SVMs) on the same spectra, "
            "one for each kind of series."
        )
        targets = (
            f"{mixing}. The target of a mixture is the output of the SVM for its kind, not the label. So the "
            "training loss does not fall to 0 and is not comparable with the loss on held-out series. The "
            "SVMs are not part of the artifact."
        )
    return paragraphs(f"{start} Spectra of each epoch:", kinds, targets)


def _optimizer(config: TrainingConfig) -> str:
    optimizer = "AdamW" if config.weight_decay else "Adam"
    averaged = f", moving average of the weights with decay {config.averaging:g} per epoch"
    return (
        f"Optimizer: {optimizer}, {config.schedule} learning rate schedule, maximum learning rate "
        f"{config.learning_rate:g}, batch size {config.batch_size}{averaged if config.averaging else ''}."
    )


def _fits(report: Report) -> str:
    final, *folds = report.trained.states
    seconds = f"Training time of all fits: {report.training_seconds:,.0f} s."
    if folds:
        return (
            f"The final fit used all training series for {final.epochs} epochs; the last weights are "
            f"kept. {len(folds)} more models were fitted in the same way, each without one fold of the "
            "training series, and predicted that fold. Temperature, label set thresholds and OOD quantiles "
            f"come from these predictions. {seconds}"
        )
    return (
        f"The fit took {final.epochs} epochs; {short_percent(report.config.validation_fraction)} of the "
        f"training series were held out. The weights of epoch {final.best_epoch}, which has the lowest "
        f"validation loss, are kept. {seconds}"
    )
