"""Pictures of large graphs in a real browser: every text in its box, every box reached by keys; colours are those of the figures."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from report.page.figures import Drawing
from report.page.frame import Section, page
from report.page.markup import element
from report.panels.graph_drawing import BOX, END, Box, Wire, drawing
from tests.report.visits import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BLOCKS = 150
LONG = "depthwise_conv2d..depthwise_conv2d"
MARK = "! cpu0 in part +1"


def large(path: Path) -> None:
    """A page with residual blocks in a row: each second block also goes to the one after the next."""
    lines = ("cpu0.12 · 1x14x14x96", "cpu0 123 us · gpu0 45.6 us")
    boxes = [Box(BOX, (f"{number} {LONG}", *lines), f"block {number}", number % 3, MARK) for number in range(BLOCKS)]
    wires = [Wire(number, number + 1, 1 << 20, f"{number}", number % 3 != 0) for number in range(BLOCKS)]
    wires += [Wire(number, number + 2, 1 << 10, f"{number}+") for number in range(0, BLOCKS - 2, 2)]
    picture = drawing("large", "A large network.", [*boxes, Box(END, ("output",), "output")], wires)
    section = Section("network", "Network", "", Drawing(element("div", picture, data_view="large")))
    path.write_text(page("Large", [section], opening=element("p"), data={}))


def test_a_large_network_stays_usable(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "large.html"
    large(out)
    with visit(browser, out) as opened:
        outside = opened.evaluate(
            """() => [...document.querySelectorAll(".node")].flatMap((node) => {
                const box = node.querySelector("rect").getBBox();
                return [...node.querySelectorAll("text")].map((text) => text.getBBox()).filter((text) =>
                    text.x < box.x || text.x + text.width > box.x + box.width || text.y + text.height > box.y + box.height + 1);
            }).length"""
        )
        assert outside == 0
        graph = opened.locator("[data-graph]")
        height = graph.evaluate("(place) => place.clientHeight")
        assert height < 900
        opened.focus("[data-graph]")
        opened.keyboard.press("End")
        seen = "(place) => { const at = place.querySelector('.at').getBoundingClientRect(), whole = place.getBoundingClientRect();"
        seen += " return at.top >= whole.top && at.bottom <= whole.bottom; }"
        assert graph.evaluate(seen), "what is reached by a key is in view"
        opened.locator("[data-zoom=whole]").click()
        assert graph.evaluate("(place) => place.scrollHeight <= place.clientHeight + 2"), "all of it is in view"
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.documentElement.scrollWidth") == 1280


def test_units_have_the_colours_that_figures_have() -> None:
    style, script = ((files("report.page.assets") / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    palettes = [dict(re.findall(r"(unit\d): \"(#\w+)\"", text)) for text in re.findall(r"(?:light|dark): \{(.*?)\}", script, re.DOTALL)]
    light, dark, again = (dict(re.findall(r"--(unit\d): (#\w+)", text)) for text in re.findall(r"\{[^{}]*--unit0: #[^{}]*\}", style))
    assert [light, dark] == palettes
    assert dark == again
    assert len(light) == 8
