"""Comparisons as pages: whole in themselves, names without a meaning in them, all rows in their data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from report.compare import app
from report.comparing.page import comparison_page
from report.comparing.sides import compare
from tests.report.comparing.made_runs import by_turns, write_certificate


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.DOTALL)
    assert found
    document: dict[str, object] = json.loads(found[1])
    return document


def test_the_command_writes_a_page_that_needs_nothing_besides(tmp_path: Path) -> None:
    first, second = by_turns(tmp_path, 1, factor=1.3)
    written = tmp_path / "page.html"
    result = CliRunner().invoke(app, [str(first), str(second), "--page", str(written), "--fail-above", "5%"])
    assert result.exit_code == 1
    page = written.read_text(encoding="utf-8")
    assert "<title>Latency: slower</title>" in page
    assert "Fails: the second is proven" in page
    assert not re.search(r"(?:src|href)=\"https?:", page)
    found = data_of(page)
    assert isinstance(found["data"], dict)
    assert found["data"]["verdict"] == "slower"
    assert len(found["data"]["rows"]) == 3
    figures = found["figures"]
    assert isinstance(figures, dict)
    [view] = figures["differences"]
    assert [len(trace["x"]) for trace in view["traces"]] == [3, 0]


def test_names_have_no_meaning_in_it(tmp_path: Path) -> None:
    found = compare(*by_turns(tmp_path, 1, factor=1.3), margin=0.0)
    bad = "</script><img src=x onerror=alert(1)>"
    rows = tuple(replace(row, pair=replace(row.pair, name=bad, unit=bad)) for row in found.rows)
    page = comparison_page(replace(found, rows=rows, notes=(bad,), differences=(bad,)), first=bad, second=bad, most=10, failed=bad)
    assert "<img src=x" not in page
    assert page.count("</script>") == page.count("<script")


def test_sides_without_errors_have_no_figure(tmp_path: Path) -> None:
    first = write_certificate(tmp_path / "a", 1, journal=False)
    found = compare(first, write_certificate(tmp_path / "b", 2, journal=False), margin=0.0)
    page = comparison_page(found, first="a", second="b", most=10)
    assert "no interval can be drawn" in page
    assert "No row is proven to differ, of 10." in page
