"""Screenshots of pages in the headless browser of the tests: the picture of a report page in the README, and the site.

    python -m scripts.pictures PAGE.html OUT.png [--width 1280] [--height 900]
"""

import argparse
import base64
from pathlib import Path

from tests.unit.views.browser import browser


def main() -> None:
    """Write the top of a page as PNG."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    given = parser.parse_args()
    with browser() as ours, ours.tab(given.width, given.height) as tab:
        tab.open(given.page.resolve())
        shot = tab.call("Page.captureScreenshot")
    given.out.write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main()
