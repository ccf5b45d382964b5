"""The report as a user makes it and looks at it: from folders that were really measured, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lut.tables import load_tables
from report.page.frame import SCHEMA_VERSION
from search.journals.journal import read_journal
from search.journals.rebuilt import rebuilt_problem
from tests.report.measured import Measured, rename_device, run
from tests.report.visits import data_of, draw_all, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>\"'"


def choose_first_point(page: Page, figure: str, curve: int) -> None:
    """Clicks on a point of a figure, where the figure itself says that it is."""
    place: dict[str, float] = page.evaluate(
        """([name, curve]) => {
            const chart = document.getElementById(`figure-${name}`), box = chart.querySelector(".nsewdrag").getBoundingClientRect();
            const { x, y } = chart.data[curve], { xaxis, yaxis } = chart._fullLayout;
            return { x: box.x + xaxis.d2p(x[0]), y: box.y + yaxis.d2p(y[0]) };
        }""",
        [figure, curve],
    )
    page.mouse.move(place["x"] - 1, place["y"])
    page.mouse.move(place["x"], place["y"])
    page.mouse.click(place["x"], place["y"])


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_every_panel_is_drawn_and_fits(browser: Browser, report: Path, width: int, theme: str) -> None:
    with visit(browser, report, width=width, theme=theme) as page:
        names = draw_all(page)
        kinds = {re.sub(r"-?\d+$", "", name) for name in names}
        assert kinds == {"timeline", "accuracy", "errors", "blocks", "handovers", "progress", "front", "tree", "device"}
        for name in names:
            boxes = page.locator(f"#figure-{name} .main-svg").first.bounding_box()
            assert boxes is not None
            assert boxes["width"] > 0.7 * min(width, 500)
        assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing sticks out to the side"
        assert page.locator("h2").all_inner_texts()[0] == "Timeline"


def test_the_headline_comes_first(browser: Browser, report: Path, measured: Measured) -> None:
    verified = json.loads((measured.lut / "verify.json").read_text())
    with visit(browser, report) as page:
        tiles = page.locator(".tiles li").all_inner_texts()
        assert [tile.split("\n")[0] for tile in tiles[:3]] == ["Latency of two_units", "How far predictions are off", "Bottleneck"]
        assert f"median of {verified['measured_us']['n']} runs" in tiles[0]
        assert "6 unseen strategies" in tiles[1]
        assert re.search(r"cpu[01]\s+carries \d+ % of the critical path", tiles[2])
        last = page.locator(".tiles").bounding_box()
        assert last is not None
        assert last["y"] + last["height"] < 400, "without scrolling"


def test_hovering_over_a_block_says_what_it_is_and_takes(browser: Browser, report: Path) -> None:
    with visit(browser, report) as page:
        draw_all(page)
        chart = page.locator("#figure-timeline-0")
        chart.scroll_into_view_if_needed()
        widest = page.evaluate(
            """() => {
                const drawn = [...document.querySelectorAll("#figure-timeline-0 .bars .point path")];
                const bars = drawn.map((each) => each.getBoundingClientRect());
                const found = bars.reduce((one, other) => (other.width > one.width ? other : one));
                return { x: found.x + found.width / 2, y: found.y + found.height / 4 };
            }"""
        )
        page.mouse.move(widest["x"] - 3, widest["y"])
        page.mouse.move(widest["x"], widest["y"])
        text = page.locator("#figure-timeline-0 .hovertext").text_content() or ""
        assert re.search(r"(Predicted|Measured), cpu[01], cpu[01]\.\d", text)
        assert re.search(r"[\d.]+ (us|ms)", text.replace("\N{NO-BREAK SPACE}", " "))


def test_the_timeline_has_blocks_bytes_and_both_runs(report: Path, measured: Measured) -> None:
    document = data_of(report.read_text())
    assert document["schema_version"] == SCHEMA_VERSION
    [model] = document["data"]["models"]
    verified = json.loads((measured.lut / "verify.json").read_text())
    assert model["predicted"]["total_us"] == pytest.approx(verified["predicted_us"], abs=0.01)
    assert model["measured"]["total_us"] == verified["measured_us"]["median"]
    predicted, taken = model["predicted"]["activities"], model["measured"]["activities"]
    assert {each["what"].split("_")[0] for each in predicted if each["kind"] == "run"} >= {"stem", "mbconv", "head", "concat"}
    sizes = {each["size_bytes"] for each in taken if each["kind"] == "wait"}
    assert sizes
    assert None not in sizes
    assert [(each["unit"], each["segment"], each["kind"]) for each in taken] == [
        (each["unit"], each["segment"], each["step"]) for each in verified["steps"]
    ]
    assert sum(model["critical"].values()) == pytest.approx(1)


def test_the_page_holds_the_tables(report: Path, measured: Measured) -> None:
    tables = load_tables(measured.lut)
    [profile] = data_of(report.read_text())["data"]["profiles"]
    columns = profile["blocks"]["columns"]
    assert profile["blocks"]["rows"] == [[getattr(row, column) for column in columns] for row in tables.blocks]
    assert len(profile["handovers"]["rows"]) == len(tables.transfers)
    assert len(profile["strategies"]) == 6
    assert profile["certificate"]["n"] == 6


def test_figures_are_what_the_library_takes(report: Path) -> None:
    """Plotly's own schema knows every trace and every attribute."""
    import plotly.graph_objects as go

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return "#000000" if re.fullmatch(r"\$[a-z]+\d?", value) else value
        if isinstance(value, list):
            return [plain(item) for item in value]
        return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value

    figures = data_of(report.read_text())["figures"]
    for views in figures.values():
        for view in views:
            go.Figure(data=plain(view["traces"]), layout=plain(view["layout"]))
    assert len(figures) >= 9


def test_an_architecture_is_a_click_away(browser: Browser, report: Path) -> None:
    with visit(browser, report) as page:
        draw_all(page)
        place = page.locator("[data-diagram]")
        first = place.get_attribute("data-diagram")
        page.locator("#figure-progress-0").scroll_into_view_if_needed()
        choose_first_point(page, "progress-0", 1)
        assert place.get_attribute("data-diagram") == "0:1"
        assert "(evaluation 1)" in place.inner_text()
        rows = page.locator("[data-row]")
        assert rows.count() == 12
        other = page.locator("[data-chooses]:not([data-chooses='0:1'])").first
        other.focus()
        page.keyboard.press("Enter")
        assert place.get_attribute("data-diagram") == other.get_attribute("data-chooses")
        assert page.locator("tr[aria-selected=true]").count() == 1
        strategy = other.inner_text()
        last = {"a": "add", "c": "concat"}[strategy[-1]]
        words = [{"a": "add", "c": "concat"}[letter] for letter in strategy[:-1] if letter != "n"]
        marks = [mark.get_attribute("data-sync") for mark in place.locator("[data-sync]").all()]
        assert sorted(str(mark) for mark in marks) == sorted([*words, *words, last]), (
            "both units take part, the last one only where the head is"
        )
        assert place.locator("rect").count() == 2 * (1 + len(strategy)) + 1, "stem and stages on both units, one head"
        assert first is not None


def test_every_architecture_is_drawn_with_its_channels(browser: Browser, report: Path, measured: Measured) -> None:
    header, _ = read_journal(measured.found / "journal.jsonl")
    problem = rebuilt_problem(header, measured.lut, str(measured.base), table=measured.base.parent / "accuracies.csv")
    with visit(browser, report) as page:
        place = page.locator("[data-diagram]")
        buttons = page.locator("[data-chooses]").all()
        assert len(buttons) == 12
        for button in buttons:
            button.click()
            strategy = button.inner_text()
            drawn = place.locator("text").all_text_contents()
            config = problem.candidate(problem.space.leaf(strategy)).config
            assert config is not None
            assert config.strategy == strategy
            for block in config.blocks:
                assert f"{block.in_c}–{block.exp_c}–{block.out_c}" in drawn
            assert place.locator("p").inner_text().startswith(f"{strategy} (evaluation ")
            assert place.locator("p").inner_text().endswith("ms") or place.locator("p").inner_text().endswith("us")


def test_a_box_of_the_tree_stands_for_the_best_beneath_it(browser: Browser, report: Path) -> None:
    with visit(browser, report) as page:
        draw_all(page)
        [search] = data_of(report.read_text())["data"]["searches"]
        page.focus("#figure-tree-0")
        page.keyboard.press("Home")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        prefix = (page.text_content("#said-tree-0") or "").partition(":")[0]
        beneath = [each for each in search["architectures"] if each["strategy"].startswith(prefix)]
        assert 0 < len(beneath) < 12
        chosen = int((page.locator("[data-diagram]").get_attribute("data-diagram") or "").partition(":")[2])
        assert search["architectures"][chosen - 1]["objective"] == max(each["objective"] for each in beneath)


def test_light_and_dark(browser: Browser, report: Path) -> None:
    with visit(browser, report, theme="dark") as page:
        draw_all(page)
        background = "getComputedStyle(document.body).backgroundColor"
        paper = "document.getElementById('figure-timeline-0')._fullLayout.paper_bgcolor"
        dark = page.evaluate(background), page.evaluate(paper)
        page.focus("#theme")
        page.keyboard.press("Space")
        page.wait_for_function(f"{paper} === '#ffffff'")
        assert page.evaluate(background) == "rgb(255, 255, 255)"
        assert dark == ("rgb(20, 24, 31)", "#14181f")
        assert page.locator("#theme").inner_text() == "Dark"
        assert "$" not in page.evaluate("JSON.stringify([...document.querySelectorAll('.chart')].map((each) => each.data))")


def test_keys_reach_every_figure_and_say_its_points(browser: Browser, report: Path) -> None:
    with visit(browser, report) as page:
        for name in draw_all(page):
            page.focus(f"#figure-{name}")
            page.keyboard.press("Home")
            first = page.text_content(f"#said-{name}") or ""
            assert re.search(r"\(1 of \d+\)$", first), name
            page.keyboard.press("End")
            assert re.search(r"\((\d+) of \1\)$", page.text_content(f"#said-{name}") or ""), name
            page.keyboard.press("ArrowRight")
            assert page.text_content(f"#said-{name}") == first
        page.keyboard.press("Control+Home")


def test_views_of_a_figure_are_chosen(browser: Browser, report: Path) -> None:
    with visit(browser, report) as page:
        draw_all(page)
        picker = page.locator("select[data-views='blocks-0']")
        assert [text.split(":")[0] for text in picker.locator("option").all_inner_texts()] == ["cpu0", "cpu1", "cpu0 against cpu1"]
        picker.select_option("2")
        page.wait_for_function("document.getElementById('figure-blocks-0').data.length === 3")
        page.focus("#figure-blocks-0")
        page.keyboard.press("Home")
        assert "ratio" in (page.text_content("#said-blocks-0") or "")


def test_on_paper_everything_is_unfolded_and_light(browser: Browser, report: Path) -> None:
    with visit(browser, report, theme="dark") as page:
        page.wait_for_function("window.Plotly")
        closed = page.locator("details:not([open])").count()
        assert closed > 3
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        assert page.locator("html").get_attribute("data-theme") == "light"
        page.wait_for_function("document.querySelectorAll('.chart .main-svg').length >= document.querySelectorAll('.chart').length")
        widths = page.evaluate("[...document.querySelectorAll('.chart')].map((each) => each._fullLayout.width)")
        assert max(widths) < 700, "as wide as paper"
        page.emulate_media(media="print")
        assert not page.locator("#theme").is_visible()
        page.emulate_media(media="screen")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() == closed
        assert page.locator("html").get_attribute("data-theme") is None


def test_names_out_of_files_are_only_shown(browser: Browser, measured: Measured, tmp_path: Path) -> None:
    lut = shutil.copytree(measured.lut, tmp_path / "<b>lut & '\"")
    rename_device(lut, HOSTILE)
    blocks = (lut / "blocks.csv").read_text()
    (lut / "blocks.csv").write_text(re.sub(r",full,ok,,", ',full,unstable,"<script>alert(2)</script>",', blocks, count=1))
    verified = json.loads((lut / "verify.json").read_text())
    verified["model"], verified["notes"] = HOSTILE, [HOSTILE]
    for step in verified["steps"]:
        step["segment"] = f"{HOSTILE}{step['segment']}"
    (lut / "verify.json").write_text(json.dumps(verified))
    certificate = json.loads((lut / "certificate.json").read_text())
    certificate["strategies"][0]["model"] = HOSTILE
    (lut / "certificate.json").write_text(json.dumps(certificate))
    out = tmp_path / "report.html"
    run("report.run", lut, "--out", out)
    with visit(browser, out) as page:
        for name in draw_all(page):
            page.focus(f"#figure-{name}")
            page.keyboard.press("Home")
        assert page.locator("img, b:not(svg *)").count() == 0
        assert page.locator("h1").inner_text().endswith(f"on {HOSTILE}")
        assert "<script>alert(2)</script>" in (page.locator("#blocks table").last.text_content() or "")
        assert HOSTILE in page.locator(".warning").first.inner_text()
        assert data_of(out.read_text())["data"]["profiles"][0]["device"] == HOSTILE


def test_two_profiles_stand_side_by_side(browser: Browser, measured: Measured, tmp_path: Path) -> None:
    other = shutil.copytree(measured.lut, tmp_path / "other")
    rename_device(other, "another")
    out = tmp_path / "report.html"
    run("report.run", measured.lut, other, "--out", out, "--title", "Two of them")
    with visit(browser, out) as page:
        assert "side-by-side" in draw_all(page)
        assert page.locator("h1").inner_text() == "Two of them"
        table = page.locator("#side-by-side table").first.inner_text()
        assert "another" in table
        assert "1.00" in page.locator("#side-by-side table").last.inner_text(), "the same tables twice have the ratio 1"


def test_panels_without_data_say_what_makes_it(browser: Browser, measured: Measured, tmp_path: Path) -> None:
    lut = tmp_path / "tables"
    lut.mkdir()
    for name in ("blocks.csv", "transfers.csv", "meta.json"):
        shutil.copy(measured.lut / name, lut)
    out = tmp_path / "report.html"
    run("report.run", lut, "--out", out)
    with visit(browser, out) as page:
        draw_all(page)
        said = {page.locator(f"#{key} .missing").first.inner_text() for key in ("timeline", "search", "device", "side-by-side")}
        commands = " ".join(said)
        for verb in ("verify", "search", "profile", "report"):
            assert f"syncnas {verb} " in commands


@pytest.mark.parametrize("name", ["verify.json", "verify.jsonl"])
def test_a_verification_alone_is_drawn(browser: Browser, measured: Measured, tmp_path: Path, name: str) -> None:
    out = tmp_path / "report.html"
    run("report.run", measured.lut / name, "--out", out)
    with visit(browser, out) as page:
        assert "timeline-0" in draw_all(page)
        [model] = data_of(out.read_text())["data"]["models"]
        assert (model["predicted"] is not None) == (name == "verify.json")
        assert {each["unit"] for each in model["measured"]["activities"]} == {"cpu0", "cpu1"}


def test_a_model_that_was_not_measured_is_predicted(measured: Measured, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    run("report.run", measured.lut, "--model", measured.base, "--placement", "0=cpu1", "--out", out)
    models = data_of(out.read_text())["data"]["models"]
    assert [(model["measured"] is None, model["placement"]) for model in models] == [
        (True, "0=cpu1,stem=all,head=0"),
        (False, "0=cpu0,1=cpu1,stem=all,head=0"),
    ]


def test_tables_that_have_changed_since_do_not_pass_for_the_prediction_of_then(measured: Measured, tmp_path: Path) -> None:
    lut = shutil.copytree(measured.lut, tmp_path / "lut")
    verified = json.loads((lut / "verify.json").read_text())
    (lut / "verify.json").write_text(json.dumps({**verified, "predicted_us": 2 * verified["predicted_us"]}))
    out = tmp_path / "report.html"
    run("report.run", lut, "--model", measured.model, "--out", out)
    assert "The tables have changed since" in out.read_text()
    [model] = data_of(out.read_text())["data"]["models"]
    assert model["predicted"]["total_us"] == 2 * verified["predicted_us"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "neither a profile's folder, nor a search's"),
        ({"verify.json": "{}"}, "verify.json: a field is missing"),
        ({"verify.json": '{"model": NaN}'}, "verify.json: not valid JSON"),
        ({"verify.jsonl": ""}, "verify.jsonl tells of no model that was measured whole; name what"),
        ({"verify.jsonl": "{}\n"}, "verify.jsonl, line 1: not a line of a journal"),
        ({"journal.jsonl": "{}\n"}, "journal.jsonl: line 1"),
        ({"meta.json": "{}"}, "meta.json: a field is missing"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(tmp_path: Path, content: dict[str, str], says: str) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    assert says in run("report.run", tmp_path, "--out", tmp_path / "report.html", status=2)
    assert not (tmp_path / "report.html").exists()


def test_a_model_without_tables_is_a_sentence(measured: Measured, tmp_path: Path) -> None:
    said = run("report.run", measured.found, "--model", "micro_v2", "--out", tmp_path / "report.html", status=2)
    assert "name a profile's folder as well" in said
