"""Pictures of the report for the documentation: ``python -m benchmarks.screenshots REPORT [FOLDER]``.

REPORT is a page that ``report.run`` has made of a profile and a search. Each picture is one section, or the whole page, as Chromium shows
it.
"""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER: Final = Path("docs/pictures/report")
_HEIGHT: Final = 900


@dataclass(frozen=True)
class Picture:
    """A picture: what of the page it shows (a CSS selector; empty: all of it), how wide the window is, and whether it is light or dark."""

    name: str
    selector: str
    width: int = 1120
    theme: str = "light"


PICTURES: Final = (
    Picture("timeline", "#timeline"),
    Picture("timeline-dark", "#timeline", theme="dark"),
    Picture("search", "#search"),
    Picture("accuracy", "#accuracy"),
    Picture("blocks", "#blocks"),
    Picture("page", ""),
    Picture("page-narrow", "", width=390, theme="dark"),
)


def take(browser: Browser, report: Path, picture: Picture, folder: Path) -> Path:
    """Opens the page anew and takes a picture of it, once all its figures are drawn."""
    page = browser.new_page(viewport={"width": picture.width, "height": _HEIGHT}, color_scheme=picture.theme)  # type: ignore[arg-type]
    page.goto(report.resolve().as_uri())
    _draw_all(page)
    # The head of the page stays on top of what is scrolled, and would stand in the middle of a long picture.
    page.add_style_tag(content="header { position: static !important; } html { scroll-behavior: auto !important; }")
    page.evaluate("scrollTo(0, 0)")
    out = folder / f"{picture.name}.png"
    if picture.selector:
        page.locator(picture.selector).screenshot(path=out)
    else:
        page.screenshot(path=out, clip={"x": 0, "y": 0, "width": picture.width, "height": min(_page_height(page), 2600)}, full_page=True)
    page.close()
    _shrink(out)
    return out


def _shrink(picture: Path) -> None:
    """Writes a picture anew with 256 colours, which drawings have fewer of than photographs."""
    from PIL import Image

    with Image.open(picture) as opened:
        opened.convert("RGB").quantize(256).save(picture, optimize=True)


def _page_height(page: Page) -> int:
    height: int = page.evaluate("document.documentElement.scrollHeight")
    return height


def _draw_all(page: Page) -> None:
    for chart in page.locator("[data-figure]").all():
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for()


def main() -> None:
    """Takes all pictures, or those that are named."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="a page that report.run has made")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--only", nargs="*", default=[picture.name for picture in PICTURES], help="names of pictures")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for picture in PICTURES:
            if picture.name in arguments.only:
                out = take(browser, arguments.report, picture, arguments.folder)
                print(f"{out} ({out.stat().st_size / 1000:.0f} KB)")
        browser.close()


if __name__ == "__main__":
    main()
