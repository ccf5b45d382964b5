"""A visit of a browser to a page: what it shows, what it asks for, and what it complains about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from report.page.frame import DATA_ID


@contextmanager
def visit(browser: Browser, path: Path, *, width: int = 1280, theme: str = "light") -> Iterator[Page]:
    """Opens a page from the disk; when it is left, it must have asked for nothing else and complained of nothing."""
    asked: list[str] = []
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(path.as_uri())
    try:
        yield page
        assert complaints == []
        assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
    finally:
        page.close()


def draw_all(page: Page) -> list[str]:
    """Scrolls to every figure until it is drawn; gives their names."""
    names = [str(chart.get_attribute("data-figure")) for chart in page.query_selector_all("[data-figure]")]
    for name in names:
        page.locator(f"#figure-{name}").scroll_into_view_if_needed()
        page.locator(f"#figure-{name} .main-svg").first.wait_for()
    return names


def data_of(html: str) -> dict[str, Any]:
    """The JSON of a page, as another program would find it."""
    from html.parser import HTMLParser

    class Finder(HTMLParser):
        found, is_in = "", False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.is_in = tag == "script" and ("type", "application/json") in attrs
            assert not self.is_in or ("id", DATA_ID) in attrs

        def handle_data(self, data: str) -> None:
            if self.is_in:
                self.found += data

        def handle_endtag(self, tag: str) -> None:
            self.is_in = False

    finder = Finder()
    finder.feed(html)
    document: dict[str, Any] = json.loads(finder.found)
    return document
