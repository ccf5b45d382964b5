"""Comparisons in Markdown: names have no meaning in it, and all that counts is there."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from collab.errors import StorageError
from report.compare import app
from report.comparing.markdown import escaped, markdown
from report.comparing.sides import compare
from tests.report.comparing.made_runs import by_turns


@given(st.text())
def test_no_name_has_a_meaning_in_markdown(name: str) -> None:
    text = escaped(name)
    assert "\n" not in text
    plain = text.replace("\\\\", "")
    assert all(plain[at - 1] == "\\" for at, character in enumerate(plain) if character in "`*_[]<>|#&@")


def test_a_summary_says_what_counts(tmp_path: Path) -> None:
    first, second = by_turns(tmp_path, 1, factor=1.3)
    written = tmp_path / "summary.md"
    result = CliRunner().invoke(app, [str(first), str(second), "--fail-above", "5%", "--markdown", str(written)])
    assert result.exit_code == 1
    text = written.read_text()
    assert text.startswith("### Latency: slower\n")
    assert "**Fails:** the second is proven to be slower by more than 5 %" in text
    assert "The whole, from end to end" in text
    assert text.count("| slower |") == 3, "the model and its two steps"
    assert "Fails: the second" in result.output
    said = json.loads(CliRunner().invoke(app, [str(first), str(second), "--json"]).output)
    assert (said["kind"], said["verdict"], said["fails"], said["schema_version"]) == ("runs", "slower", False, 1)
    assert said["whole"]["interval"][0] > 1.2


def test_a_comparison_replaces_a_comparison_and_nothing_else(tmp_path: Path) -> None:
    first, second = by_turns(tmp_path, 1)
    written = tmp_path / "summary.md"
    for _ in range(2):
        assert CliRunner().invoke(app, [str(first), str(second), "--markdown", str(written)]).exit_code == 0
    written.write_text("# Notes of mine\n")
    result = CliRunner().invoke(app, [str(first), str(second), "--markdown", str(written)])
    assert isinstance(result.exception, StorageError)
    assert "is no comparison in Markdown" in str(result.exception)
    assert written.read_text() == "# Notes of mine\n"


def test_what_is_alike_says_how_small_a_difference_would_have_been_found(tmp_path: Path) -> None:
    first, second = by_turns(tmp_path, 2)
    found = compare(first, second, margin=0.02)
    text = markdown(found, first="a|b", second="<b>", most=10)
    assert text.startswith("### Latency: no difference shown\n")
    assert "smallest provable: " in text
    assert "First: a\\|b, second: \\<b\\>" in text
