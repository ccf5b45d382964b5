"""What docs/explanation/search.md says can be done from Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collab import config as configs
from tests.search.made import written

DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "search.md"


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    lut = written(tmp_path / "lut", configs.load("micro_v2"))
    # The made device is slower than the text's.
    code = code.replace('"luts/local"', repr(str(lut))).replace("budget_us=250.0", "budget_us=400_000.0")
    exec(compile(code, str(DOCS), "exec"), {})
    assert '"sync": ["a", "n", "n", "n", "c", "n", "a"]' in capsys.readouterr().out


def test_what_is_linked_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", DOCS.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (DOCS.parent / target).exists(), target
