"""Ctrl-C at any moment: status 130, a sentence that says what is kept, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.android_harness.commands import home_alone
from tests.models import tiny
from tests.pages import REPOSITORY
from tests.processes import wait_until

WHILE_IMPORTING = """
import sys
from importlib.abc import MetaPathFinder

wanted = sys.argv[1]

class Interrupting(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == wanted:
            raise KeyboardInterrupt
        return None

sys.meta_path.insert(0, Interrupting())
from syncnas.commands import main
sys.argv = ["syncnas", "predict", "--lut", "nowhere", "--model", "mini_v2"]
main()
"""


@pytest.mark.parametrize("module", ["typer", "collab.cli", "syncnas.group", "lut.predict", "lut.tables", "lut.prediction.costs"])
def test_while_modules_are_imported(module: str) -> None:
    command = [sys.executable, "-c", WHILE_IMPORTING, module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


@pytest.fixture(name="home")
def of_its_own(tmp_path: Path) -> Mapping[str, str]:
    return {**home_alone(tmp_path), "PYTHONPATH": str(REPOSITORY)}


@pytest.mark.slow
def test_while_a_bundle_runs(runner: Path, home: Mapping[str, str], tmp_path: Path) -> None:
    assert runner.is_file()
    model, bundle, journal = tmp_path / "model.json", tmp_path / "bundle", tmp_path / "deploy.jsonl"
    model.write_text(tiny().to_json())
    syncnas = [sys.executable, "-m", "syncnas"]
    subprocess.run([*syncnas, "export", "--model", model, "--out", bundle, "--json"], check=True, env=home, stdout=subprocess.DEVNULL)
    command = [*syncnas, "deploy", bundle, "--device", "local", "--unit", "cpu:cores=0", "--runs", "100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=home)
    wait_until(lambda: journal.exists() and b'"start"' in journal.read_bytes())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("Stopped. The bundle is on ")
    assert str(journal) in said
    assert "Traceback" not in said
