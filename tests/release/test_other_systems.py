"""macOS and Windows as hosts of phones: everything imports there, models are predicted and exported, `local` is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collab.config import load
from lut.tables import save
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables
from tests.lut.prediction.made_costs import linear_cost
from tests.test_layers import ROOT, modules

SYSTEMS = ("Windows", "Darwin")
START = "import sys; from tests.release.other_system import become; become(sys.argv.pop(1))"
IMPORT_ALL = f"""
{START}
import importlib, json
from tests.selection.fast import EXTRAS
imported, refused = 0, {{}}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        imported += 1
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRAS:
            refused[name] = str(error)
    except Exception as error:
        refused[name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps([imported, refused]))
"""
RUN_ALL = f"""
{START}
import contextlib, io, json
from syncnas.commands import main
ends = []
for line in json.loads(sys.argv[1]):
    sys.argv = ["syncnas", *line]
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            ends.append([end.code, output.getvalue(), errors.getvalue()])
print(json.dumps(ends))
"""
"""Runs several commands in one process, as starting takes longer than most of them."""


def on(system: str, program: str, *arguments: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", program, system, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_module_can_be_imported(system: str) -> None:
    ours = [name for name in modules() if name.split(".")[0] not in ("tests", "benchmarks") and not name.endswith("__main__")]
    imported, refused = on(system, IMPORT_ALL, *ours)
    assert not refused
    assert isinstance(imported, int)
    assert imported > len(ours) * 0.8, "only what needs an extra is left out"


@pytest.mark.parametrize("system", SYSTEMS)
def test_commands_work_but_for_the_device_local(system: str, tmp_path: Path) -> None:
    tables, bundle = tmp_path / "lut", str(tmp_path / "bundle")
    plan = plan_model(load("micro_v2"), COARSE)
    save(made_tables(plan.blocks, plan.transfers, linear_cost), tables)
    lines = [
        ["--help"],
        ["predict", "--lut", str(tables), "--model", "micro_v2", "--json"],
        ["export", "--model", "micro_v2", "--out", bundle],
        ["export", "--model", "micro_v2", "--out", bundle, "--seed", "7", "--json"],
        ["profile", "--model", "micro_v2", "--device", "local", "--out", str(tmp_path / "new")],
        ["doctor", "--device", "local"],
    ]
    helped, predicted, first, second, *refused = on(system, RUN_ALL, json.dumps(lines))
    for end in (helped, predicted, first, second):
        assert isinstance(end, list)
        assert end[0] == 0, end
    assert "predict" in helped[1]  # type: ignore[index]
    assert json.loads(predicted[1])["model"] == "micro_v2"  # type: ignore[index]
    assert json.loads(second[1])["out"] == bundle, "the earlier bundle is replaced"  # type: ignore[index]
    for code, _, said in refused:  # type: ignore[misc]
        assert code == 3
        assert f"this computer runs {system}, and only Linux can be the device 'local'; measure a phone: --device SERIAL" in said
