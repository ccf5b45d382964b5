"""The README as the front door: short, with a picture, honest about phones."""

from __future__ import annotations

from pathlib import Path

from tests.pages import README, links, text_of

MOST_LINES = 120
MOST_PICTURE_BYTES = 200_000


def test_it_is_short() -> None:
    assert len(text_of(README).splitlines()) < MOST_LINES


def test_its_pictures_are_small() -> None:
    pictures = [README.parent / link for link in links(README) if link.endswith(".png")]
    assert pictures
    assert all(picture.stat().st_size < MOST_PICTURE_BYTES for picture in pictures)


def test_what_was_never_run_on_a_phone_stands_near_the_top() -> None:
    lines = text_of(README).splitlines()
    assert lines.index("## Never run on a real phone") < MOST_LINES // 5


def test_every_page_of_the_documentation_can_be_found_from_it() -> None:
    found: set[Path] = set()
    left = {README}
    while left:
        page = left.pop()
        found.add(page)
        linked = {(page.parent / link.split("#")[0]).resolve() for link in links(page) if not link.startswith("https://")}
        left |= {other for other in linked if other.suffix == ".md"} - found
    assert set((README.parent / "docs").rglob("*.md")) <= found
