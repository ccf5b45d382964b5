"""HTML and figures of values, in a real browser: names out of files and devices are read there, and do nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import syncnas
from lut.prediction.model_latency import predict
from report.comparing.tables_side import compare_tables
from syncnas.api.models import config_of
from syncnas.api.showing import html, plots
from syncnas.api.showing.plots import Bar
from syncnas.api.tables import costs_of
from syncnas.api.trials import Verification
from syncnas.api.values import Latency
from tests.search.made import tables
from tests.search.models import micro

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = [
    "</script><script>ran('script')</script>",
    "<img src=x onerror=ran('image')>",
    "\"'><svg onload=ran('svg')>",
    "<a href='javascript:ran(1)'>link</a>",
    "&lt;img src=x onerror=ran('entity')&gt;",
    "%{x}$y$<br><b>bold</b>",
    "\u202eright to left\u2028\x00\n",
]
LATENCY = Latency(1000.0, None, 1200.0, 5.0, 10, 2)


def values(text: str) -> list[Any]:
    """A value of each kind, with a text wherever one comes out of a file or a device."""
    rows = tables(micro())
    name = text.encode("unicode_escape").decode()
    rows = replace(rows, meta=replace(rows.meta, device=name, fingerprint={text: text}, models=(text,), certificate=None, measured_at=text))
    loaded = syncnas.Tables(Path(text.replace("\x00", "")), rows)
    model = replace(syncnas.Model(text, micro()), source=text).with_strategy("nca")
    config = config_of(model)
    from collab.placement import default_placement

    found = predict(config, default_placement(2), costs_of(loaded))
    prediction = syncnas.Prediction(text, text, found.total_us, {text: 0.5}, text, replace(found, model=text))
    verification = Verification(text, text, 1.0, LATENCY, 0.1, 0.1, 1.0, {text: 1.0}, 0.1, 0.0, 0, (text,), ())
    strategy = syncnas.Found(text, 0.5, 0.5, 10.0, text, text, model, True)
    return [
        loaded,
        syncnas.Profile(loaded, 1.0, 1.0, 0, 0, (text,)),
        replace(model, source=text),
        prediction,
        verification,
        strategy,
        syncnas.SearchResult(Path("found"), (strategy,), 1, 1, text, False),
        syncnas.DeviceList((syncnas.SeenDevice(text, text, text),), (text,)),
        syncnas.Comparison((text,), 0.02, 0, 0, compare_tables(rows, rows, margin=0.02)),
        syncnas.Report(Path(text.replace("\x00", "")), 1, 0, 0, (text,)),
    ]


def figures() -> list[Any]:
    """Figures with every hostile text wherever a figure takes one, and those of values with the first."""
    made = [value.plot() for value in values(HOSTILE[0]) if hasattr(value, "plot") and not isinstance(value, Verification)]
    for text in HOSTILE:
        bars = [Bar(text, text, 0.0, 10.0, text), Bar("cpu0", "run", 5.0, 10.0, text)]
        made.append(plots.timeline(text, bars))
        made.append(plots.points(text, {text: [(1.0, 2.0, text)]}, x="x", y="y", line=[(0, 0), (1, 1)], line_name=text))
    return made


def in_page(parts: list[str]) -> str:
    return "<!doctype html><meta charset=utf-8><script>window.done = []; function ran(what) { done.push(what); }</script>" + "\n".join(
        parts
    )


def test_hostile_names_are_only_read(browser: Browser, tmp_path: Path) -> None:
    import plotly.offline

    shown = [value._repr_html_() for text in HOSTILE for value in values(text)]
    drawn = [figure.to_html(include_plotlyjs=False, full_html=False) for figure in figures()]
    file = tmp_path / "page.html"
    script = f"<script>{plotly.offline.get_plotlyjs()}</script>"
    file.write_text(in_page([script, *shown, *drawn]), encoding="utf-8")
    tab = browser.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(file.as_uri())
    tab.wait_for_function(f"document.querySelectorAll('.main-svg').length >= {len(drawn)}")
    for place in tab.query_selector_all(".bar, .point")[:3]:
        place.hover(force=True)
    assert tab.evaluate("done") == []
    assert errors == []
    assert tab.evaluate("[...document.querySelectorAll('img, svg a, table a, [onload], [onerror]')].length") == 0
    body = tab.inner_text("body")
    for text in HOSTILE[:5]:
        assert text in body
    assert "\u202e" not in body
    tab.close()


def test_a_text_is_shown_on_one_line_and_cut() -> None:
    assert html.text("<a>\n\u202e") == "&lt;a&gt;\\n\\u202e"
    assert len(html.text("x" * 10_000)) < 400
    assert html.text(None) == "None"


def test_a_table_says_how_many_rows_it_leaves_out() -> None:
    made = html.table(("name", "number"), [(f"row {number}", number) for number in range(25)])
    assert "row 9" in made
    assert "row 10" not in made
    assert "and 15 more rows" in made
