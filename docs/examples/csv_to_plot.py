"""From a recording as a CSV file to a picture of its labels over time.

python docs/examples/csv_to_plot.py recording.csv timeline.png http://127.0.0.1:8000

It needs the extra `recordings`: pip install ".[recordings]"
"""

from __future__ import annotations

import sys
from pathlib import Path

from app.client import Client
from app.series.readers.recording import read_recording
from app.series.timeline.plot import plot_timeline

RATE = 500.0  # values a second, of the recording and of the model's training data
STRIDE = 250


def main(csv_file: str, png_file: str, url: str) -> None:
    """Score the windows of a recording, print what was found, and draw it."""
    recording = read_recording(Path(csv_file), columns="volts")
    with Client(url) as client:
        found = client.predict_windows(recording, stride=STRIDE, rate=RATE, model_rate=RATE)
    print(f"{len(found.predictions)} windows")
    for segment in found.timeline.segments:
        print(f"{segment.start / RATE:.1f} s to {segment.end / RATE:.1f} s: label {segment.label}")
    for change in found.timeline.changes:
        low, high = change.low / RATE, change.high / RATE
        print(f"change at {change.position / RATE:.1f} s, 95 % interval {low:.1f} to {high:.1f} s")
    plot_timeline(found.timeline, Path(png_file), rate=RATE, title=Path(csv_file).name)


if __name__ == "__main__":
    main(*sys.argv[1:])
