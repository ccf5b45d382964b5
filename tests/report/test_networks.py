"""What a report shows of a network of others, as a user looks at it: in a real browser, of a network that was really profiled."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graph.plan_file import read_plan
from lut.tables import NETWORK_FILE, load_tables, save
from report.data.networks import networks_of
from report.data.sources import Sources
from report.page.numbers import time_text
from tests.report.measured import rename_device, run
from tests.report.networks import Profiled, profiled
from tests.report.visits import data_of, draw_all, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<img src=x onerror=alert(1)></script>&\"'"
_INSIDE = """() => [...document.querySelectorAll("[data-view]:not([hidden]) .node")].flatMap((node) => {
    const box = node.querySelector("rect").getBBox();
    return [...node.querySelectorAll("text")].map((text) => text.getBBox()).filter((text) =>
        text.x < box.x || text.x + text.width > box.x + box.width || text.y < box.y || text.y + text.height > box.y + box.height + 1);
}).length"""


@pytest.fixture(scope="session", name="network")
def profiled_network(runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Profiled:
    assert runner.is_file()
    return profiled(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="session", name="page_of_network")
def report_of_network(network: Profiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("network-report") / "report.html"
    run("report.run", network.lut, "--plan", network.plan, "--out", out)
    return out


def boxes(page: Page) -> list[str]:
    return [str(each.get_attribute("aria-label")) for each in page.locator("[data-view]:not([hidden]) .node.box").all()]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_every_block_is_a_box_in_the_colour_of_its_unit(
    browser: Browser, page_of_network: Path, network: Profiled, width: int, theme: str
) -> None:
    plan = read_plan(network.plan)
    with visit(browser, page_of_network, width=width, theme=theme) as page:
        assert page.locator("h2").first.inner_text() == "Network"
        shown = boxes(page)
        assert len(shown) == len(plan.blocks)
        for number, (block, said) in enumerate(zip(plan.blocks, shown, strict=True)):
            assert said.startswith(f"block {number} {block.label}; on {block.unit} in segment {block.unit}.")
            assert all(re.search(rf"{unit} [\d.]+\s(us|ms)", said) for unit in plan.units)
        colours = page.evaluate(
            "[...document.querySelectorAll('[data-view]:not([hidden]) .node.box .band')].map((band) => getComputedStyle(band).fill)"
        )
        assert len(set(colours)) == len(set(plan.block_units))
        assert len(dict(zip(colours, plan.block_units, strict=True))) == len(set(colours)), "each unit has one colour"
        assert page.evaluate(_INSIDE) == 0, "texts stay in their boxes"
        assert page.evaluate("document.documentElement.scrollWidth") == width
        draw_all(page)


def test_lines_carry_bytes_and_hand_overs_stand_out(browser: Browser, page_of_network: Path, network: Profiled) -> None:
    document = data_of(page_of_network.read_text())["data"]
    [shown] = document["networks"]
    units = [block["unit"] for block in shown["plans"][0]["blocks"]]
    crossing = [
        edge
        for edge in shown["edges"]
        if edge["sender"] is not None and edge["receiver"] is not None and units[edge["sender"]] != units[edge["receiver"]]
    ]
    assert crossing, "the plan uses both units"
    with visit(browser, page_of_network) as page:
        handovers = page.locator("[data-view]:not([hidden]) .handover")
        assert handovers.count() == len(crossing)
        assert {text.split(" to ")[0] for text in (each.get_attribute("aria-label") or "" for each in handovers.all())} <= {
            "hand-over from cpu0",
            "hand-over from cpu1",
        }
        sizes = page.locator("[data-view]:not([hidden]) .bytes").all_text_contents()
        assert len(sizes) == len({(edge["sender"], edge["receiver"], edge["end"]) for edge in shown["edges"]})
        assert "8\N{NO-BREAK SPACE}KB" in sizes
        assert page.locator("[data-view]:not([hidden]) .critical").count() == len(shown["plans"][0]["critical"]) > 0


def test_keys_go_from_block_to_block_and_say_what_each_is(browser: Browser, page_of_network: Path) -> None:
    with visit(browser, page_of_network) as page:
        page.focus("[data-graph]")
        said = page.locator(".said").first
        count = page.locator("[data-view]:not([hidden]) [data-point]").count()
        seen = []
        for number in range(1, count + 1):
            page.keyboard.press("ArrowDown")
            text = said.inner_text()
            assert text.endswith(f"({number} of {count})")
            seen.append(text)
        assert len(set(seen)) == count
        page.keyboard.press("ArrowDown")
        assert said.inner_text() == seen[0]
        page.keyboard.press("End")
        assert said.inner_text() == seen[-1]
        page.keyboard.press("Home")
        assert said.inner_text() == seen[0]
        assert page.locator("[data-point].at").count() == 1
        before = page.locator("[data-graph] svg").first.bounding_box()
        page.keyboard.press("+")
        after = page.locator("[data-graph] svg").first.bounding_box()
        assert before is not None
        assert after is not None
        assert after["width"] > 1.2 * before["width"]
        page.locator("[data-zoom=one]").first.click()
        assert page.locator("[data-graph] svg").first.bounding_box() == before


def test_the_mouse_says_what_a_block_is(browser: Browser, page_of_network: Path, network: Profiled) -> None:
    with visit(browser, page_of_network) as page:
        page.locator(".node.box").nth(1).hover()
        assert page.locator(".said").first.inner_text().startswith(f"block 1 {read_plan(network.plan).blocks[1].label}; ")


def test_placements_and_the_predicted_schedule_are_there(browser: Browser, page_of_network: Path, network: Profiled) -> None:
    with visit(browser, page_of_network) as page:
        table = page.locator("#network table").first.inner_text()
        for unit, us in network.placed["units"].items():
            assert f"all on {unit}" in table
            assert time_text(us) in table
        assert "plan: cpu0 + cpu1" in table
        assert "timeline-0" in draw_all(page)
        [model] = data_of(page_of_network.read_text())["data"]["models"]
        names = {each["what"] for each in model["predicted"]["activities"]}
        assert {f"{number} {block.label}" for number, block in enumerate(read_plan(network.plan).blocks)} <= names
        tiles = page.locator(".tiles li").all_inner_texts()
        assert any(tile.startswith("Gain of forked.plan.json") for tile in tiles)


def test_on_paper_the_picture_is_whole(browser: Browser, page_of_network: Path) -> None:
    with visit(browser, page_of_network, theme="dark") as page:
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        assert not page.locator(".zoom").first.is_visible()
        sizes = page.evaluate(
            "[...document.querySelectorAll('.graph')].map((g) => g.scrollHeight - g.clientHeight + g.scrollWidth - g.clientWidth)"
        )
        assert max(sizes) <= 1, "nothing is left to scroll to"


def test_plans_in_the_folder_are_views_of_one_picture(browser: Browser, network: Profiled, tmp_path: Path) -> None:
    lut = shutil.copytree(network.lut, tmp_path / "luts")
    plan = json.loads(network.plan.read_text())
    (lut / "one.plan.json").write_text(json.dumps(plan))
    for block in plan["blocks"]:
        block["unit"] = "cpu1"
    (lut / "two.plan.json").write_text(json.dumps(plan))
    (lut / "zzz.plan.json").write_text(json.dumps({**plan, "sha256": "0" * 64}))
    out = tmp_path / "report.html"
    run("report.run", lut, "--out", out)
    with visit(browser, out) as page:
        options = page.locator("select[data-shows] option").all_inner_texts()
        assert {option.split(":")[0] for option in options} == {"one.plan.json", "two.plan.json"}
        assert "zzz.plan.json: the plan is of" in page.locator("#network .warning").inner_text()
        number = next(place for place, option in enumerate(options) if option.startswith("two.plan.json"))
        page.locator("select[data-shows]").select_option(str(number))
        assert page.locator("[data-view]:not([hidden]) .unit1").count() > 0
        assert page.locator("[data-view]:not([hidden]) .node.unit0").count() == 0


def test_blocks_that_a_unit_did_not_take_whole_are_marked(browser: Browser, network: Profiled, tmp_path: Path) -> None:
    lut = shutil.copytree(network.lut, tmp_path / "luts")
    tables = load_tables(lut)
    first, second, *others = tables.blocks
    partial = replace(first, coverage="partial", status="partial", reason="the <b>unit</b> took 3 of 4 operators")
    broken = replace(second, coverage="none", status="failed", reason="it broke")
    save(replace(tables, blocks=(partial, broken, *others)), lut)
    out = tmp_path / "report.html"
    run("report.run", lut, "--out", out)
    with visit(browser, out) as page:
        said = {str(each.get_attribute("aria-label")) for each in page.locator("[data-view]:not([hidden]) .marked").all()}
        assert any(f"{first.unit} partly delegated: the <b>unit</b> took 3 of 4 operators" in text for text in said)
        assert any(f"{second.unit} not taken: it broke" in text for text in said)
        assert "partly delegated" in (page.locator("#network table").last.text_content() or "")
        assert page.locator("b:not(svg *)").count() == 0
        assert page.evaluate(_INSIDE) == 0


def test_names_out_of_files_are_only_shown(browser: Browser, network: Profiled, tmp_path: Path) -> None:
    lut = shutil.copytree(network.lut, tmp_path / "luts")
    rename_device(lut, HOSTILE)
    plan = json.loads(network.plan.read_text())
    plan["model"] = HOSTILE
    for block in plan["blocks"]:
        block["label"] = HOSTILE
    (lut / "x.plan.json").write_text(json.dumps(plan))
    request = json.loads((lut / "plan.json").read_text())
    request["network"]["name"] = HOSTILE
    (lut / "plan.json").write_text(json.dumps(request))
    out = tmp_path / "report.html"
    run("report.run", lut, "--out", out)
    with visit(browser, out) as page:
        draw_all(page)
        assert page.locator("img").count() == 0
        assert HOSTILE in page.locator("#network h3").inner_text()


def without_network(network: Profiled, folder: Path) -> Path:
    lut = shutil.copytree(network.lut, folder / "luts")
    (lut / NETWORK_FILE).unlink()
    return lut


def test_a_network_that_is_not_at_hand_is_asked_for(browser: Browser, network: Profiled, tmp_path: Path) -> None:
    lut, out = without_network(network, tmp_path), tmp_path / "report.html"
    run("report.run", lut, "--out", out)
    with visit(browser, out) as page:
        assert f"syncnas report {lut} --model forked.tflite" in page.locator("#network .missing").inner_text()
    run("report.run", lut, "--model", network.model, "--out", out)
    with visit(browser, out) as page:
        assert len(boxes(page)) > 3
        assert "syncnas place --lut" in page.locator("#network .missing").inner_text()


def test_what_does_not_fit_is_a_sentence(network: Profiled, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    other = tmp_path / "other.plan.json"
    other.write_text(json.dumps({**json.loads(network.plan.read_text()), "sha256": "0" * 64}))
    assert "is another file" in run("report.run", network.lut, "--plan", other, "--out", out, status=2)
    broken = tmp_path / "broken.plan.json"
    broken.write_text("[]")
    assert "make the plan again" in run("report.run", network.lut, "--plan", broken, "--out", out, status=2)
    assert not out.exists()


def test_edges_are_all_that_passes(network: Profiled) -> None:
    sources = Sources()
    sources.add(network.lut)
    [shown] = networks_of(sources)
    ends: dict[str, Any] = {
        "in": [edge for edge in shown.edges if edge.sender is None],
        "out": [edge for edge in shown.edges if edge.receiver is None],
    }
    assert [edge.size_bytes for edge in ends["in"]] == [4 * 16 * 16 * 8]
    assert sorted(edge.size_bytes for edge in ends["out"]) == [32, 16 * 16 * 8]
    assert all(edge.sender < edge.receiver for edge in shown.edges if edge.sender is not None and edge.receiver is not None)
    assert {node.number for node in shown.nodes} == set(range(len(shown.nodes)))
    assert all(set(node.rows) == {"cpu0", "cpu1"} for node in shown.nodes)


def test_a_plan_that_was_verified_is_shown_as_measured(browser: Browser, network: Profiled, tmp_path: Path) -> None:
    lut, out = shutil.copytree(network.lut, tmp_path / "luts"), tmp_path / "report.html"
    trial = ("--device", "local", "--rounds", 2, "--runs", 5)
    run("profiler.verify", "--lut", lut, "--model", network.model, "--plan", network.plan, *trial)
    run("report.run", lut, "--plan", network.plan, "--out", out)
    [model] = data_of(out.read_text())["data"]["models"]
    assert {each["unit"] for each in model["measured"]["activities"]} == {"cpu0", "cpu1"}
    assert model["predicted"]["total_us"] > 0
    with visit(browser, out) as page:
        assert "timeline-0" in draw_all(page)
        assert "measured, median of" in page.locator(".tiles li").first.inner_text()
