"""`lut.load`, the door to the tables for people; and that nothing else waits for pandas."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lut
from collab import config as configs
from collab.blocks import Add
from lut.tables import save
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables

MEASURING = Path(__file__).parents[2] / "docs" / "explanation" / "measuring.md"


def test_what_the_docs_show_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(made_tables([Add(8, 4)], [(1, 8, 8, 4), (1, 8, 8, 8)], lambda unit, block: 1.5), tmp_path)
    [code] = re.findall(r"```python\n(import lut\n.*?)```", MEASURING.read_text(encoding="utf-8"), re.DOTALL)
    assert '"luts/local"' in code
    exec(code.replace('"luts/local"', repr(str(tmp_path))), {})
    shown = capsys.readouterr().out
    assert "count" in shown
    assert "2048" in shown


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_becomes_data_frames(tmp_path: Path, kind: type) -> None:
    tables = made_tables([Add(8, 4), Add(8, 8)], [(1, 8, 8, 4)], lambda unit, block: 1.5 if unit == "cpu0" else 2.5)
    save(tables, tmp_path)
    found = lut.load(kind(tmp_path))
    slower = found.blocks[found.blocks["marginal_us"] > 2]
    assert set(slower["unit"]) == {"cpu1"}
    assert found.transfers["bytes"].unique().tolist() == [1024]
    assert found.meta.device == "local"


def imported_by(code: str) -> set[str]:
    """Names of the modules that are there once a fresh interpreter has run this code; of its output only the last line is read."""
    asked = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_opening_the_package_or_predicting_from_tables_imports_no_pandas(tmp_path: Path) -> None:
    plan = plan_model(configs.load("mini_v2"), COARSE)
    save(made_tables(plan.blocks, plan.transfers, lambda unit, block: 1.5), tmp_path)
    assert "pandas" not in imported_by("import lut")
    predicted = f"from lut.predict import main; from pathlib import Path; main(lut=Path({str(tmp_path)!r}), model='mini_v2')"
    names = imported_by(predicted)
    assert "lut.prediction.replay" in names
    assert "pandas" not in names
    assert "pandas" in imported_by(f"import lut; lut.load({str(tmp_path)!r})")
