"""Checks whether this commit can be released: `make release-check`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from qa.release.checks import CHECKS, LAST, Check
from qa.release.project import CheckFailed, Project

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and print a line for each; the exit code is 0 if all passed."""
    parser = argparse.ArgumentParser(prog="python -m qa.release", description=__doc__)
    parser.add_argument(
        "checks", nargs="*", metavar="CHECK", help=f"only these: {', '.join({**CHECKS, **LAST})}"
    )
    chosen = parser.parse_args(arguments).checks
    if unknown := sorted(set(chosen) - {**CHECKS, **LAST}.keys()):
        parser.error(f"no such check: {', '.join(unknown)}")
    first, last = ({n: c for n, c in some.items() if not chosen or n in chosen} for some in (CHECKS, LAST))
    return run(Project(ROOT), first, last)


def run(project: Project, first: Mapping[str, Check], last: Mapping[str, Check]) -> int:
    """Run checks and print their results.

    Args:
        project: what is checked.
        first: are all run.
        last: are run only if all of the first passed.
    """
    results = [_passed(project, name, check) for name, check in first.items()]
    if all(results):
        results = [_passed(project, name, check) for name, check in last.items()]
    else:
        for name in last:
            _print(name, "skip", "a check before it failed")
    print("ready to release" if all(results) else "not ready to release")
    return 0 if all(results) else 1


def _passed(project: Project, name: str, check: Check) -> bool:
    try:
        _print(name, "pass", check(project))
    except (CheckFailed, OSError, ValueError, KeyError) as error:
        _print(name, "FAIL", str(error))
        return False
    return True


def _print(name: str, result: str, line: str) -> None:
    print(f"{result}  {name:<10} " + line.replace("\n", f"\n{'':<17}"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
