"""The page at `/`: its files as a browser gets them, and the samples that it shows.

`static/` has HTML, style sheets and ES modules as they are served; there is no build step. Charts are drawn
by uPlot, whose files come from the locked package uplot-python. `docs/` has a script of `/docs`.
`app/api/routes/page.py` and `docs.py` serve them.
"""

from __future__ import annotations

from pathlib import Path

# Where the files of the pages are.
FOLDER = Path(__file__).parent
