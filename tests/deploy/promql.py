"""Which metrics and labels a PromQL expression names: enough to hold rules and dashboards against a scrape.

It splits an expression into words; it does not check its grammar, which `promtool check rules` does. It does
not know metrics that are named in quotes or by `__name__`, and refuses a brace without a name before it.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

_WORDS = re.compile(
    r"""
    (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<range>\[[^\]]*\])
    | (?P<number>\d[\w.]*)
    | (?P<name>[A-Za-z_:][\w:]*)
    | (?P<mark>=~|!~|!=|[^\s])
    """,
    re.VERBOSE,
)
_LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_OPERATORS = {"and", "or", "unless", "bool", "offset", "atan2"}


class Matcher(NamedTuple):
    """A condition on a label, as `status=~"5.."`."""

    label: str
    operator: str
    value: str


class Selector(NamedTuple):
    """A metric's name and the conditions on its labels."""

    metric: str
    matchers: tuple[Matcher, ...]


class Expression(NamedTuple):
    """What an expression names.

    Attributes:
        selectors: what it selects.
        grouped: the labels that aggregations keep; empty if there is no aggregation.
        labels: all that it groups or joins by.
    """

    selectors: tuple[Selector, ...]
    grouped: frozenset[str]
    labels: frozenset[str]


def parse(expression: str) -> Expression:
    """What an expression names.

    Raises:
        ValueError: it selects something without a metric's name.
    """
    words = deque((str(word.lastgroup), word.group()) for word in _WORDS.finditer(expression))
    selectors: list[Selector] = []
    grouped: set[str] = set()
    joined: set[str] = set()
    while words:
        kind, word = words.popleft()
        following = words[0][1] if words else ""
        if word == "{":
            raise ValueError(f"a selector without a metric's name: {expression}")
        if kind != "name" or word in _OPERATORS:
            continue
        if word in _LABEL_LISTS:
            if following == "(":
                listed = {label for kind, label in _until(")", words) if kind == "name"}
                (grouped if word == "by" else joined).update(listed)
        elif following == "{":
            selectors.append(Selector(word, _matchers(_until("}", words))))
        elif following not in {"(", "by", "without"}:  # else a function
            selectors.append(Selector(word, ()))
    return Expression(tuple(selectors), frozenset(grouped), frozenset(grouped | joined))


def _until(end: str, words: deque[tuple[str, str]]) -> list[tuple[str, str]]:
    """Take the words up to a closing bracket, and the bracket away."""
    taken = []
    while (word := words.popleft())[1] != end:
        taken.append(word)
    return taken


def _matchers(words: list[tuple[str, str]]) -> tuple[Matcher, ...]:
    """Label, operator, string, and so on; the brace and commas are passed over."""
    parts = [word for _, word in words if word not in {"{", ","}]
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return tuple(Matcher(label, operator, quoted[1:-1]) for label, operator, quoted in triples)
