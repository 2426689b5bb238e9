"""`app.telemetry.renamed_metrics`: the old names are exposed for one release, also by several workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
from app.telemetry.metrics import Metrics
metrics = Metrics()
metrics.admitted(rows=3)
metrics.dropped(rows=3, reason="expired")
metrics.version_refused(version="2")
print(metrics.render().decode())
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_renamed_metrics_have_the_same_values_under_both_names(
    root: Path, tmp_path: Path, workers: int
) -> None:
    """Each sample of a renamed metric is exposed twice, and the old help text names the new metric."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if workers > 1 else {}
    command = [sys.executable, "-c", WORKER]
    for _ in range(workers):
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    for old, new, labels, value in (
        ("left_series", "dropped_series", 'reason="expired"', 3.0 * workers),
        ("version_refusals", "refused_versions", 'version="2"', 1.0 * workers),
    ):
        for name in (old, new):
            assert f"timeseries_{name}_total{{{labels}}} {value}\n" in done.stdout
        help_text = f"Deprecated: use timeseries_{new}_total."
        assert f"# HELP timeseries_{old}_total {help_text}\n" in done.stdout
        assert f"# TYPE timeseries_{old}_total counter\n" in done.stdout
