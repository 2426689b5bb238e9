"""Every extra of the project has its lock file, and lock files that are installed together agree."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from qa.release.locks import ENVIRONMENTS
from tests.packaging.locks import EXTRAS, LOCKS, ON_TOP, PROJECT, lock_of, pins, requirements_of

FILES = sorted(LOCKS.rglob("*.txt"))


def test_every_extra_has_a_lock_file_and_every_lock_file_an_extra() -> None:
    """`make lock` writes one for an extra that is new in `pyproject.toml`; one that is gone leaves none."""
    whole = {*ENVIRONMENTS, "client", "audit", "fleet", "fuzz", "protocols"}
    assert {str(path.relative_to(LOCKS)) for path in FILES} == {
        *(f"{name}.txt" for name in whole),
        *(f"extras/{name}.txt" for name in ON_TOP),
    }


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_lock_file_has_what_its_extra_requires(extra: str) -> None:
    """On top of `serve.txt` where it is no whole environment; in versions that are allowed."""
    locked = lock_of(extra)
    for requirement in requirements_of(extra):
        if requirement.marker is None or requirement.marker.evaluate():
            assert locked[requirement.name.lower()] in requirement.specifier, requirement


def test_the_base_install_is_what_the_client_needs() -> None:
    """Nothing that serves is in it."""
    base = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert base == {"httpx", "numpy", "pydantic", "sniffio"}
    assert base < pins("client").keys() < pins("serve").keys()
    assert not pins("client").keys() & {Requirement(text).name for text in EXTRAS["serve"]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *combinations(["client", *ENVIRONMENTS], 2),
        *((base, f"extras/{extra}") for base in ENVIRONMENTS for extra in ON_TOP),
        *combinations((f"extras/{extra}" for extra in ON_TOP), 2),
    ],
)
def test_what_is_in_two_lock_files_has_one_version(one: str, other: str) -> None:
    """So that they can be installed at once, and what was tested is what serves."""
    first, second = pins(one), pins(other)
    assert {name: first[name] for name in first.keys() & second.keys()} == {
        name: second[name] for name in first.keys() & second.keys()
    }


@pytest.mark.parametrize("extra", ON_TOP)
def test_what_goes_on_top_repeats_nothing(extra: str) -> None:
    """The file says what an extra adds."""
    assert not pins("serve").keys() & pins(f"extras/{extra}").keys()


def test_serving_brings_no_tracing_sdk() -> None:
    """It is in what `traces` adds, and nowhere unless that is asked for."""
    assert "opentelemetry-sdk" in pins("extras/traces")
    assert "opentelemetry-sdk" not in pins("serve").keys() | pins("gpu").keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_locked_requirements_name_no_address(path: Path) -> None:
    """Where packages come from is for the machine that installs them to say; hashes say what they are."""
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--?(i|f|index-url|extra-index-url|find-links)\b", text, flags=re.MULTILINE)
