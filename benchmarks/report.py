"""The report's own figures: how long it takes to make, how large it is, and how soon a browser can use it.

``python -m benchmarks.report [LUT]`` prints them for tables of at least 3,000 rows, in headless Chromium. Without a folder, the tables are
made: the blocks of several models' search spaces, with times that follow from a rule.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS: Final = 3_000
_VISITS: Final = 5
_MOST_MAKING_S, _MOST_BYTES, _MOST_INTERACTIVE_MS = 5.0, 6_000_000, 1_000.0


@dataclass(frozen=True)
class Opening:
    """Milliseconds from the navigation to a page whose text can be read and whose switches work, and to its first figures drawn.

    `processor_ms` is the processor time of the page's process until then: it does not count who else had the machine.
    """

    readable_ms: float
    drawn_ms: float
    processor_ms: float


def full_tables(folder: Path) -> Path:
    """Writes tables of all blocks and hand-overs that a few models' search spaces need on two units, `ROWS` at least."""
    from collab.config import load
    from collab.tensors.opaque import Opaque
    from lut.tables import save
    from profiler.plan import FULL, plan_model
    from tests.lut.made_tables import made_tables
    from tests.search.made import work_cost

    plans = [plan_model(load(name), FULL) for name in ("mobilenet_v2", "mnasnet_b1", "fbnet_c")]
    blocks = tuple(dict.fromkeys(block for plan in plans for block in plan.blocks if not isinstance(block, Opaque)))
    shapes = tuple(dict.fromkeys(shape for plan in plans for shape in plan.transfers))
    made = made_tables(blocks, shapes, work_cost)
    assert len(made.blocks) >= ROWS
    save(made, folder)
    return folder


def make(lut: Path, out: Path) -> float:
    """Makes the page as a user does; returns the seconds that the command takes, Python's start included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "report.run", str(lut), "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def open_page(path: Path) -> Opening:
    """Opens the page in a browser of its own, without a cache."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(path.resolve().as_uri())
        marks = _marks(page)
        while not any(name.startswith("drawn-") for name in marks):
            # Not `wait_for_function`: it evaluates text in the page, which the page's policy refuses.
            page.wait_for_timeout(20)
            marks = _marks(page)
        metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        browser.close()
    drawn = min(at for name, at in marks.items() if name.startswith("drawn-"))
    return Opening(marks["page-ready"], drawn, 1000 * metrics["ProcessTime"])


def _marks(page: Page) -> dict[str, float]:
    """Returns what the page's script has marked so far, with milliseconds from the navigation."""
    return dict(page.evaluate("performance.getEntriesByType('mark').map((mark) => [mark.name, mark.startTime])"))


def main() -> None:
    """Prints all three, each with the bound that it is held to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lut", type=Path, nargs="?", help="tables of a profile; default: made ones")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        from lut.tables import load_tables

        lut = arguments.lut or full_tables(Path(scratch) / "lut")
        rows = load_tables(lut)
        out = Path(scratch) / "report.html"
        making_s = statistics.median(make(lut, out) for _ in range(_VISITS))
        openings = [open_page(out) for _ in range(_VISITS)]
        size = out.stat().st_size
    machine = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"tables: {len(rows.blocks)} blocks, {len(rows.transfers)} hand-overs; medians of {_VISITS}; {machine}")
    print(f"made in          {making_s:7.2f} s   (at most {_MOST_MAKING_S:g})")
    print(f"size             {size / 1e6:7.2f} MB  (at most {_MOST_BYTES / 1e6:g})")
    bound = f"; interactive within {_MOST_INTERACTIVE_MS:g}"
    for name, values, said in (
        ("readable after", [opening.readable_ms for opening in openings], bound),
        ("figures after", [opening.drawn_ms for opening in openings], bound),
        ("processor time", [opening.processor_ms for opening in openings], ""),
    ):
        print(f"{name:16} {statistics.median(values):7.0f} ms  (least {min(values):.0f}{said})")


if __name__ == "__main__":
    main()
