"""The checks of a release. Each returns a line for the table, or raises `CheckFailed`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import date
from importlib.metadata import distributions

from deploy.notices import NoticesIncomplete, name_of, notices
from qa.release.compatibility import check_compatibility
from qa.release.locks import faults, read_lock
from qa.release.project import VERSION, CheckFailed, Project, order

SBOM = ".cache/sbom.cdx.json"


def tree(project: Project) -> str:
    """No file is changed or new, so that the checked files are the tagged ones."""
    if changed := project.git("status", "--porcelain").splitlines():
        raise CheckFailed(
            f"not committed: {', '.join(line[3:] for line in changed[:5])}; commit or remove them"
        )
    return f"commit {project.git('rev-parse', '--short', 'HEAD').strip()}, nothing uncommitted"


def changelog(project: Project) -> str:
    """The version has the first entry, with a date, and `Unreleased` is empty."""
    text = (project.root / "CHANGELOG.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    entries = dict(zip(parts[::2], parts[1::2], strict=True))
    if entries.pop("[Unreleased]", "").strip():
        raise CheckFailed(f"CHANGELOG.md: move what is under Unreleased to an entry of {project.version}")
    first = next(iter(entries), "")
    title = re.fullmatch(rf"\[({VERSION.pattern})\] - (\d{{4}}-\d\d-\d\d)", first)
    if title is None or title[1] != project.version:
        raise CheckFailed(
            f"CHANGELOG.md: the first entry is {first or 'missing'}; "
            f"write ## [{project.version}] - YYYY-MM-DD"
        )
    try:
        date.fromisoformat(title[2])
    except ValueError:
        raise CheckFailed(f"CHANGELOG.md: {title[2]} is no date") from None
    if not entries[first].strip():
        raise CheckFailed(f"CHANGELOG.md: the entry of {project.version} is empty")
    return f"{project.version} of {title[2]}"


def tag(project: Project) -> str:
    """No other commit has the version's tag, and every earlier release has a lower version."""
    name = f"v{project.version}"
    if project.git("tag", "--list", name).strip():
        tagged = project.git("rev-parse", f"{name}^{{commit}}").strip()
        if tagged != project.git("rev-parse", "HEAD").strip():
            raise CheckFailed(
                f"{name} is the tag of commit {tagged[:7]}; raise the version in pyproject.toml"
            )
    others = [version for version in project.releases() if version != project.version]
    if others and order(others[-1]) > order(project.version):
        raise CheckFailed(f"v{others[-1]} is released already; raise the version in pyproject.toml above it")
    return f"{name} is free, or on this commit; before it: {others[-1] if others else 'no release'}"


def locks(project: Project) -> str:
    """The lock files have hashes, and what `pyproject.toml` requires, in versions that it allows."""
    folder = project.root / "requirements"
    if found := [*faults(folder, project.metadata)]:
        raise CheckFailed("\n".join([*found, "run `make lock`"]))
    return f"{len([*folder.rglob('*.txt')])} lock files agree with pyproject.toml"


def sbom(project: Project) -> str:
    """The software bill of materials lists this version with the locked packages of the server."""
    project.run(["make", "sbom", f"SBOM={SBOM}"])
    document = json.loads((project.root / SBOM).read_text(encoding="utf-8"))
    described = document["metadata"]["component"].get("version")
    if described != project.version:
        raise CheckFailed(f"{SBOM} describes version {described}, not {project.version}")
    listed = {(part["name"].lower(), part.get("version")) for part in document.get("components", ())}
    pins = {(pin.name, pin.version) for pin in read_lock(project.root / "requirements" / "serve.txt")}
    if missing := sorted(pins - listed):
        raise CheckFailed(f"{SBOM} lacks {', '.join(f'{name} {version}' for name, version in missing)}")
    return f"{SBOM} lists all {len(pins)} packages of the server"


def licences(project: Project) -> str:
    """Every package of the images has a licence that may be passed on, with its text.

    The CUDA libraries are only in the gpu image, whose build checks them in the same way.
    """
    folder = project.root / "requirements"
    files = [folder / "serve.txt", folder / "gpu.txt", *folder.glob("extras/*.txt")]
    needed = {(pin.name, pin.version) for file in files for pin in read_lock(file) if pin.applies}
    installed = {(name_of(package), package.version): package for package in distributions()}
    absent = sorted(needed - installed.keys())
    if others := [f"{name} {version}" for name, version in absent if not name.startswith("nvidia-")]:
        raise CheckFailed(f"not installed here: {', '.join(others)}; run `rm -r .venv` and try again")
    packages = [installed[pin] for pin in sorted(needed & installed.keys())]
    try:
        notices(packages, (project.root / "LICENSE").read_text(encoding="utf-8"))
    except NoticesIncomplete as error:
        raise CheckFailed(str(error)) from None
    return f"{len(packages)} packages; {len(absent)} of the gpu image are checked when it is built"


def docs(project: Project) -> str:
    """The tests of the documents pass: examples, links and tables."""
    done = project.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/docs"])
    return done.stdout.strip().splitlines()[-1]


def artifact(project: Project) -> str:
    """The previous release serves this artifact, and this code serves the previous one."""
    earlier = [version for version in project.releases() if version != project.version]
    if not earlier:
        return "no earlier release is tagged here"
    check_compatibility(project, f"v{earlier[-1]}")
    return f"{earlier[-1]} serves this artifact, and this code serves the one of {earlier[-1]}"


def tests(project: Project) -> str:
    """`make test` passes."""
    project.run(["make", "test"])
    return "`make test` passed"


Check = Callable[[Project], str]
# The quick ones first. The tests are run only if all others passed.
CHECKS: dict[str, Check] = {
    check.__name__: check for check in (tree, changelog, tag, locks, licences, sbom, docs, artifact)
}
LAST: dict[str, Check] = {"tests": tests}
