"""Makes the README's picture: the first screen of a run's report, as a browser shows it.

python docs/picture.py results/<run id> [FILE]    writes docs/report.png, or FILE
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from lockstep.errors import ResultsError
from lockstep.report.material import Material
from lockstep.report.write import write_report
from lockstep.runs.folder import RunFolder

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1280, 800
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def take_picture(run: Path, picture: Path) -> None:
    """Make the run's report and save its first screen; ResultsError where it is no run, or no browser is."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        raise ResultsError(
            "no Chromium is in PATH to take the picture: install one (Debian: apt install chromium)"
        )
    page_file = write_report(Material.of(RunFolder.load(run)))
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_file.resolve().as_uri())
        page.screenshot(path=picture)
        browser.close()


def main() -> int:
    """Take the picture of the run that was named; 2 where that cannot be done."""
    if len(sys.argv) not in (2, 3):
        print("picture: name one run's folder: make picture ARGS=results/<run id>", file=sys.stderr)
        return 2
    run, picture = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) == 3 else PICTURE
    try:
        take_picture(Path(run), picture)
    except ResultsError as refusal:
        print(f"picture: {refusal}", file=sys.stderr)
        return 2
    print(f"picture: {picture.name} is the first screen of {run}/report.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
