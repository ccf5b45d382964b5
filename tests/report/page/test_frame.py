"""The frame: whole in itself, and no text out of a file gets further than to be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

import report.page.frame
from report.page.figures import KINDS, Drawing, Figure, View, axis, layout, plot_text
from report.page.frame import SCHEMA_VERSION, Section, page
from report.page.markup import data_table, element, escaped, joined, json_for_script, paragraph
from tests.report.visits import data_of, draw_all, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "<!--<script>",
    "]]>&lt;b&gt;",
    "\u202eright to left\u2028",
    "<a href='https://example.org/'>a link</a>",
    "%{x}${y}$ink",
    "\ud800 half",
]


def page_of(*texts: str) -> str:
    """A page that shows texts wherever a panel can put one."""
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "name": plot_text(texts[0]),
        "x": list(range(len(texts))),
        "y": list(range(len(texts))),
        "text": [plot_text(text) for text in texts],
        "hovertext": [plot_text(text, "second line") for text in texts],
        "hoverinfo": "text",
        "showlegend": True,
    }
    views = [View(text, [trace], layout(axis(text), axis(text, tickvals=[0], ticktext=[plot_text(text)]))) for text in texts]
    figure = Figure("all", f"All: {texts[0]}", views)
    html = joined([figure.html, data_table(texts[0], texts, [texts]), paragraph(escaped(texts[0]), title=texts[0])])
    return page(
        texts[0],
        [Section("one", texts[0], texts[0], Drawing(html, [figure]))],
        opening=element("p", escaped(texts[0])),
        data={"texts": list(texts), texts[0]: 1},
        footer=texts[0],
    )


def test_hostile_names_are_only_read(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(*HOSTILE), encoding="utf-8")
    with visit(browser, file) as opened:
        assert draw_all(opened) == ["all"]
        for number in range(len(HOSTILE)):
            opened.select_option("[data-views]", str(number))
        assert opened.locator("script").count() == 3, "the data, the page's own, the library that this has unpacked"
        assert opened.locator("img, svg[onload], [href^=http]").count() == 0
        assert "</script><script>alert(1)</script>" in (opened.text_content("td") or "")
        opened.focus("#figure-all")
        opened.keyboard.press("Home")
        assert "</script><script>alert(1)</script>, second line" in (opened.text_content("#said-all") or "")
        assert opened.locator("#figure-all .hovertext").count() == 1


def test_keys_go_round_from_the_first_press_on(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of("a", "b", "c"), encoding="utf-8")
    for key, said in (("ArrowLeft", "(3 of 3)"), ("ArrowRight", "(1 of 3)")):
        with visit(browser, file) as opened:
            draw_all(opened)
            opened.focus("#figure-all")
            opened.keyboard.press(key)
            assert (opened.text_content("#said-all") or "").endswith(said)


def test_a_browser_that_cannot_unpack_the_library_goes_on_without_figures(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of("a", "b"), encoding="utf-8")
    opened = browser.new_page(color_scheme="light")
    opened.add_init_script("delete globalThis.DecompressionStream")
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(file.as_uri())
    opened.get_by_text("This browser cannot unpack the figures").wait_for()
    opened.select_option("[data-views]", "1")
    opened.click("#theme")
    assert opened.evaluate("document.documentElement.dataset.theme") == "dark"
    assert errors == []
    opened.close()


@pytest.mark.parametrize("text", HOSTILE)
def test_the_data_are_read_back(text: str) -> None:
    document = data_of(page_of(text))
    assert document["schema_version"] == SCHEMA_VERSION
    assert document["data"]["texts"] == [text]
    assert set(document["figures"]) == {"all"}


@given(some.text())
def test_json_in_a_script_says_the_same_and_cannot_end_it(text: str) -> None:
    written = json_for_script({"text": text})
    assert json.loads(written) == {"text": text}
    assert not set(written) & set("<>&")


@given(some.text())
def test_escaped_texts_hold_no_markup(text: str) -> None:
    assert not set(escaped(text)) & set("<>\"'\n")


def test_numbers_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        page("x", [], opening=escaped(""), data={"x": float("nan")})


def test_a_page_without_figures_does_without_the_library() -> None:
    assert len(page("x", [], opening=escaped(""), data={})) < 50_000


def test_the_policy_lets_nothing_in_from_outside(browser: Browser, tmp_path: Path) -> None:
    """The policy is held to by the browser: what a page would load or run against it is refused."""
    file = tmp_path / "page.html"
    file.write_text(page_of("text"), encoding="utf-8")
    opened = browser.new_page()
    refused: list[str] = []
    opened.on("console", lambda message: refused.append(message.text))
    opened.goto(file.as_uri())
    opened.evaluate("""() => {
        const script = document.createElement("script"); script.textContent = "window.wasRun = true"; document.body.append(script);
        const image = new Image(); image.src = "https://example.org/x.png"; document.body.append(image);
    }""")
    opened.wait_for_timeout(100)
    assert opened.evaluate("window.wasRun") is None
    assert sum("Content Security Policy" in text for text in refused) == 2
    opened.close()


def test_views_hold_only_what_the_library_draws() -> None:
    entry = (Path(report.page.frame.__file__).parent / "library" / "entry.js").read_text(encoding="utf-8")
    registered = re.findall(r'require\("plotly\.js/lib/(\w+)"\)', entry)
    assert sorted({"scatter", *registered} - {"core"}) == sorted(KINDS)
    with pytest.raises(ValueError, match="violin"):
        View("", [{"type": "violin"}], {})
