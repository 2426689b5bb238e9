"""Writes the PrometheusRule from the rules that compose's Prometheus loads.

.venv/bin/python -m deploy.kubernetes.prometheus_rule
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent
RULES = [_FOLDER.parent / "monitoring" / name for name in ("recording.yml", "alerts.yml")]
TARGET = _FOLDER / "components" / "monitoring" / "prometheus-rule.yaml"
_HEADER = """\
# Written by `python -m deploy.kubernetes.prometheus_rule` from the rules in deploy/monitoring:
# comments and unit tests are there.
"""


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def prometheus_rule() -> str:
    """The manifest as YAML: all groups of the rule files, unchanged and in order."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    manifest: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "timeseries-server",
            "labels": {"app.kubernetes.io/name": "timeseries-server"},
        },
        "spec": {"groups": groups},
    }
    return _HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=116, allow_unicode=True)


if __name__ == "__main__":
    TARGET.write_text(prometheus_rule(), encoding="utf-8")
