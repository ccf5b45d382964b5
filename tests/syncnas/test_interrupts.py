"""Ctrl-C at any moment: status 130, a sentence that says what is kept, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from collab.wording.commands import MODULES
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

BEFORE_THE_GUARD = """
import _signal
import os
import sys

package = sys.argv[1]
unguarded = []

class Listening:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
            unguarded.append(name)
        return None

sys.meta_path.insert(0, Listening)
sys.argv, sys.orig_argv = ["-m"], ["python", "-m", package + ".run"]
__import__(package)
assert _signal.getsignal(_signal.SIGINT) is not _signal.default_int_handler
print(*unguarded)
"""


@pytest.mark.parametrize("package", sorted({"syncnas", *(module.partition(".")[0] for module in MODULES.values())}))
def test_nothing_is_imported_before_a_signal_ends_a_command(package: str) -> None:
    """Without ``site``, since what environments run there may have imported any module of Python already."""
    command = [sys.executable, "-S", "-c", BEFORE_THE_GUARD, package]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    assert found.split() == [package, "collab", "collab.system", "collab.system.starting"]


@pytest.mark.parametrize("module", ["typer", "collab.cli", "syncnas.group", "lut.predict", "lut.tables", "lut.prediction.costs"])
def test_while_modules_are_imported(module: str) -> None:
    command = [sys.executable, "-c", WHILE_IMPORTING, module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


@pytest.mark.parametrize("started", [["-m", "syncnas", "profile"], ["-m", "profiler.run"], ["syncnas", "profile"]], ids=" ".join)
@pytest.mark.parametrize("module", ["typer", "collab.cli"])
def test_a_signal_while_modules_are_imported(started: list[str], module: str, tmp_path: Path) -> None:
    """Sent once Python says that it has imported a module."""
    if started[0] == "syncnas":
        program = tmp_path / "syncnas"
        program.write_text("from syncnas.commands import main\nmain()\n")
        started = [str(program), *started[1:]]
    command = [sys.executable, "-X", "importtime", *started, "--device", "local", "--quick", "--model", "mini_v2", "--out", "out"]
    env = {**home_alone(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env, cwd=tmp_path) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(signal.SIGINT)
                break
        said = [line for line in process.stderr if not line.startswith("import time:")]
    assert process.returncode == 130
    assert "".join(said) in ("Stopped.\n", "Stopped. Nothing was measured yet.\n")


def test_python_code_keeps_its_own_end() -> None:
    """Importing the toolkit changes nothing for a program that is not one of its commands."""
    code = "import sys, syncnas, profiler, lut; import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout == "True\n"


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
