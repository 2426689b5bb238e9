"""The card as a whole: its sections in their order."""

from __future__ import annotations

from collections.abc import Mapping

from training.data.descriptions import about
from training.report.card.description import how_trained, limits, what_it_is
from training.report.card.reference import beside_the_reference
from training.report.card.results import other_splits, results, why_several_rows
from training.report.card.trust import attention, trust
from training.report.report import Report
from training.report.tables import paragraphs, table


def card_of(report: Report, pictures: Mapping[str, str]) -> str:
    """The card's text, Markdown.

    Args:
        report: what it tells.
        pictures: titles and file names, shown in their order.
    """
    config = report.config
    sections = {
        "Results": results(report),
        "Why several rows": why_several_rows(report),
        "How far to trust an answer": trust(report),
        "What the attention is worth": attention(report),
        "Other splits": other_splits(report),
        "Beside the reference": beside_the_reference(report),
        "Pictures": paragraphs(*(f"![{title}]({file})" for title, file in pictures.items())),
        "Data": _data(report),
        "How it was trained": how_trained(report),
        "Limits": limits(report),
        "Make it again": _make_it_again(report),
    }
    text = paragraphs(
        f"# {config.artifact_name}: {report.dataset.name} by the {config.model} model",
        what_it_is(report),
        *(f"## {heading}\n\n{section}" for heading, section in sections.items() if section),
    )
    return text + "\n"


def _data(report: Report) -> str:
    dataset = report.dataset
    return paragraphs(
        about(dataset.name),
        f"{len(dataset.train):,} training and {len(dataset.test):,} test series.",
        table(["file", "SHA-256"], [[f"`{name}`", f"`{digest}`"] for name, digest in dataset.sha256.items()]),
    )


def _make_it_again(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return paragraphs(
        f"```sh\n{report.command}\n```",
        "All settings are in `contract.json` under `provenance`. The same seed "
        f"({report.config.seed}) on the same machine gives the same weights; elsewhere, sums in another "
        f"order move the accuracy a little. Made with {versions}.",
    )
