"""The notices of an image: every installed package with its licence, or the build fails."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from deploy.notices import NoticesIncomplete, is_allowed, name_of, notices
from tests.conftest import ROOT
from tests.packaging.locks import ON_TOP, pins

APACHE_TEXT = (ROOT / "LICENSE").read_text(encoding="utf-8")


def a_package(folder: Path, name: str, *metadata: str, text: str | None = "The text.") -> Distribution:
    """A package that is installed in a folder: lines of its metadata, and its licence file."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata])
    )
    files = ["METADATA", "RECORD"]
    if text is not None:
        (info / "LICENSE").write_text(text)
        files.append("LICENSE")
    (info / "RECORD").write_text("".join(f"{info.name}/{file},,\n" for file in files))
    return Distribution.at(info)


def test_the_locked_packages_have_licences_that_can_be_passed_on() -> None:
    """All that this environment has of both images and their extras."""
    locked = {
        name for lock in ("serve", "gpu", *(f"extras/{name}" for name in ON_TOP)) for name in pins(lock)
    }
    installed = {name_of(package): package for package in distributions() if name_of(package) in locked}
    missing = locked - installed.keys()
    assert all(name.startswith("nvidia-") for name in missing), missing
    text = notices(installed.values(), APACHE_TEXT)
    assert {f"{name} {package.version}" for name, package in installed.items()} <= set(text.splitlines())
    assert text.endswith(APACHE_TEXT)


def test_a_text_is_printed_once(tmp_path: Path) -> None:
    """A second package with the same text refers to the first, and one without a text to the end."""
    packages = [
        a_package(tmp_path, "b", "License-Expression: MIT"),
        a_package(tmp_path, "a", "Classifier: License :: OSI Approved :: MIT License"),
        a_package(tmp_path, "c", "License: Apache 2.0", text=None),
    ]
    text = notices(packages, APACHE_TEXT)
    assert re.findall(r"^[abc] 1\.0$", text, flags=re.MULTILINE) == ["a 1.0", "b 1.0", "c 1.0"]
    assert text.count("The text.") == 1
    assert "--- b-1.0.dist-info/LICENSE: see a 1.0\n" in text
    assert "The text of Apache-2.0 is at the end of this file." in text


@pytest.mark.parametrize(
    ("metadata", "text", "fault"),
    [
        ((), "The text.", "no licence in its metadata"),
        (("License-Expression: GPL-3.0-only",), "The text.", "its licence, GPL-3.0-only, is not in ALLOWED"),
        (("License: Do what you want",), "The text.", "its licence, Do what you want, is not in ALLOWED"),
        (("License-Expression: MIT",), None, "no text of its licence, MIT, is installed"),
        (
            ("License: MIT or so", "Classifier: License :: OSI Approved :: GNU General Public License (GPL)"),
            "The text.",
            "its licence, GNU General Public License (GPL), is not in ALLOWED",
        ),
    ],
)
def test_a_licence_that_cannot_be_passed_on_fails(
    tmp_path: Path, metadata: tuple[str, ...], text: str | None, fault: str
) -> None:
    """The message names the package and its version."""
    package = a_package(tmp_path, "odd", *metadata, text=text)
    with pytest.raises(NoticesIncomplete, match=re.escape(f"odd 1.0: {fault}")):
        notices([package], APACHE_TEXT)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("MIT AND GPL-2.0-only", False),
        ("GPL-2.0-only OR MIT", True),
        ("(GPL-2.0-only OR MIT) AND ISC", True),
        ("GPL-2.0-only OR MIT AND LGPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("(MIT", False),
        ("MIT)", False),
        ("", False),
    ],
)
def test_expressions_are_read_as_spdx_has_them(expression: str, *, allowed: bool) -> None:
    """OR is a choice, AND needs both; an expression that is not understood is not allowed."""
    assert is_allowed(expression) is allowed


def test_the_command_fails_in_lines(tmp_path: Path) -> None:
    """So that the build of an image stops and shows which packages are at fault."""
    a_package(tmp_path, "odd")
    script = "import sys; sys.path[:] = [path for path in sys.path if 'site-packages' not in path]\n"
    script += f"sys.path.append({str(tmp_path)!r})\n"
    script += f"from deploy.notices import main; sys.exit(main({str(ROOT / 'LICENSE')!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("odd 1.0: no licence in its metadata")
