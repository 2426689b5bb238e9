"""Prints the licences of all installed packages: `python deploy/notices.py LICENSE`.

The image's own Python runs it at the end of a build, so the file names exactly what the image holds. Standard
library only. The build fails where a package has no licence, no licence text, or a licence not in `ALLOWED`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

APACHE = "Apache-2.0"
# The CUDA libraries of the gpu image: their terms allow redistribution with an application.
NVIDIA = "LicenseRef-NVIDIA-Proprietary"
# SPDX identifiers of the licences that a package may have.
ALLOWED = {
    *("0BSD", APACHE, "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0"),
    *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib", NVIDIA),
}
# Spellings of licences in metadata older than SPDX expressions.
SPDX_OF = {
    "apache 2.0": APACHE,
    "apache license 2.0": APACHE,
    "apache software license": APACHE,
    "bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "nvidia proprietary software": NVIDIA,
    "other/proprietary license": "LicenseRef-Proprietary",
    "python software foundation license": "PSF-2.0",
}
# Packages whose metadata names no licence, or another one than their licence file: taken from that file.
FROM_LICENSE_FILE = {
    "namex": APACHE,
    "pysimdjson": f"MIT AND {APACHE}",
    "sigstore-models": "MIT",
    "uplot-python": APACHE,
}
# Software in a package that has no licence file there.
BUNDLED = {
    "fastapi-offline": "Contains Swagger UI (Apache-2.0) and Redoc (MIT); their notices are in its files.",
    "uplot-python": "Contains uPlot (MIT); its notice is in its file.",
}
# Packages under the MIT License that contain no text of it: the copyright line of their source repository.
MIT_COPYRIGHT = {"obstore": "Copyright (c) 2024 Development Seed"}
MIT_TEXT = """\
MIT License

{copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE."""
LICENSE_FILE = re.compile(
    r"(.*[_-])?(licen[cs]es?|copying|notices?|authors|third-party-programs)(?![a-z])(?!.*\.pyc?$)",
    re.IGNORECASE,
)
LINE = "=" * 100
HEAD = """\
The Python packages in this image, with their licences.
Debian's packages have theirs at /usr/share/doc/*/copyright, Python in its own folder."""


class NoticesIncomplete(Exception):
    """Licences that are missing or not allowed; a line for each package."""


def notices(packages: Iterable[Distribution], apache_text: str) -> str:
    """The file's text: every package with its licence, and every licence text once.

    Args:
        packages: the installed distributions.
        apache_text: the Apache License 2.0, for packages that name it and do not contain it.

    Raises:
        NoticesIncomplete: a licence is missing or not allowed, or its text is missing.
    """
    parts = [f"{HEAD}\n{LINE}"]
    faults = []
    place_of = {"\n".join(apache_text.split()): "the end of this file"}
    for package in sorted(packages, key=name_of):
        title, expression = heading(package), licence_of(package)
        texts = [*texts_of(package)]
        faults += [f"{title}: {fault}" for fault in faults_of(expression, has_text=bool(texts))]
        part = [title, f"License: {expression}"]
        part += [BUNDLED[name_of(package)]] if name_of(package) in BUNDLED else []
        for file, text in texts:
            words = "\n".join(text.split())
            part.append(f"--- {file}: see {place_of[words]}" if words in place_of else f"--- {file}\n{text}")
            place_of.setdefault(words, title)
        part += [] if texts else [f"The text of {APACHE} is at the end of this file."]
        parts.append("\n".join([*part, LINE]))
    if faults:
        raise NoticesIncomplete("\n".join(faults))
    return "\n".join([*parts, apache_text])


def heading(package: Distribution) -> str:
    """The line that names a package in the file; `deploy/probe.py` searches it."""
    return f"{name_of(package)} {package.version}"


def name_of(package: Distribution) -> str:
    """The package's name as in the lock files."""
    return re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()


def licence_of(package: Distribution) -> str | None:
    """The SPDX expression of a package's licence, or the text of its metadata; None without both."""
    if read := FROM_LICENSE_FILE.get(name_of(package)):
        return read
    if expressions := package.metadata.get_all("License-Expression", []):
        return str(expressions[0])
    classifiers = package.metadata.get_all("Classifier", [])
    classified = [line for line in classifiers if line.startswith("License :: ")]
    field = "".join(package.metadata.get_all("License", [])).strip()
    if field and "\n" not in field and (spdx(field) in ALLOWED or not classified):
        return spdx(field)
    # Several classifiers may be a choice or may all apply: each has to be allowed.
    return " AND ".join(spdx(line.rpartition(" :: ")[2]) for line in classified) or None


def spdx(licence: str) -> str:
    """The SPDX identifier of a licence with another spelling."""
    return SPDX_OF.get(licence.lower(), licence)


def faults_of(expression: str | None, *, has_text: bool) -> Iterator[str]:
    """Yield the reasons why a licence is not allowed."""
    if expression is None:
        yield "no licence in its metadata; read its licence file and add the package to FROM_LICENSE_FILE"
    elif not is_allowed(expression):
        yield f"its licence, {expression}, is not in ALLOWED"
    elif not has_text and expression != APACHE:
        yield f"no text of its licence, {expression}, is installed"


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met by allowed licences: AND binds closer than OR, as in SPDX."""
    words = re.findall(r"[()]|[^\s()]+", expression)

    def any_of() -> bool:
        return any(joined("OR", all_of))

    def all_of() -> bool:
        return all(joined("AND", one))

    def joined(word: str, part: Callable[[], bool]) -> list[bool]:
        results = [part()]
        while words and words[0] == word:
            words.pop(0)
            results.append(part())
        return results

    def one() -> bool:
        word = words.pop(0) if words else ""
        if word != "(":
            return word in ALLOWED
        allowed = any_of()
        return bool(words) and words.pop(0) == ")" and allowed

    return any_of() and not words


def texts_of(package: Distribution) -> Iterator[tuple[str, str]]:
    """Names and contents of a package's licence files that exist, or of the one in `MIT_COPYRIGHT`."""
    for file in sorted(package.files or ()):
        path = Path(str(file.locate()))
        if LICENSE_FILE.match(file.name) and path.is_file():
            yield str(file), path.read_text(encoding="utf-8", errors="replace").strip()
    if line := MIT_COPYRIGHT.get(name_of(package)):
        yield "LICENSE in its source repository", MIT_TEXT.format(copyright=line)


def main(license_file: str) -> int:
    """Print the notices of this Python's packages; the exit code is 1 if they are not complete."""
    try:
        text = notices(distributions(), Path(license_file).read_text(encoding="utf-8"))
    except NoticesIncomplete as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
