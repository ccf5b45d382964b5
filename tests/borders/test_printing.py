"""Names of models, folders, devices and files are shown as they are, and end no command after its work was done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from android_harness.devices import app as devices
from collab.variants import collaborative
from exporters.run import app as export
from lut.import_tables import app as import_tables
from lut.predict import app as predict
from lut.tables import save
from profiler.plan import COARSE, plan_model
from profiler.run import app as profile
from tests.borders.fuzzing import run_command
from tests.lut.made_tables import made_tables
from tests.models import tiny
from tests.phone.wires.adb_server import FakeAdbServer

NAMES = [
    "[red]x",
    "[/nothing]",
    "[link=x]",
    ":smile:",
    "\x1b[2J\x1b]0;title\x07",
    "a\nb",
    "\u202egnp",
    os.fsdecode(b"\xff\xfe"),
    "100 % {x}",
]


def shown(result: tuple[int, str, str]) -> str:
    """Both outputs of a command that must have succeeded without a character that could steer a terminal."""
    status, out, err = result
    assert status == 0, err
    text = out + err
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode("utf-8")
    return text


@pytest.fixture(name="folder", params=NAMES, ids=ascii)
def a_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / str(request.param)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_models_and_tables_in_folders_of_any_name(folder: Path, more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = folder / "model.json"
    model.write_text(collaborative(tiny(), "nca").to_json(), encoding="utf-8")
    plan = plan_model(tiny(), COARSE)
    save(made_tables(plan.blocks, plan.transfers, lambda _, block: 10.0 + block.macs / 1e4), folder)
    assert "Bundle: " in shown(run_command(export, ["--model", str(model), "--out", str(folder / "b"), *more], monkeypatch)) or more
    assert "Predicted: " in shown(run_command(predict, ["--lut", str(folder), "--model", str(model), *more], monkeypatch)) or more


def test_imports_into_folders_of_any_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folder / "t.csv"
    source.write_text("block,latency_us\nmbconv_28_k3s1_32-192-32_relu6,12\n[red]x,3\n\x1b[2J,3\n", encoding="utf-8")
    arguments = [str(source), "--device", "[/pixel]", "--unit", "cpu", "--out", str(folder / "out")]
    assert "[/pixel]" in shown(run_command(import_tables, arguments, monkeypatch))


def test_a_profile_into_a_folder_of_any_name(runner: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runner.is_file()
    arguments = ["--device", "local", "--quick", "--block", "add_8_4x2", "--unit", "cpu:cores=0", "--out", str(folder / "lut")]
    assert "Tables: " in shown(run_command(profile, arguments, monkeypatch))


def test_devices_with_any_serial_and_state(monkeypatch: pytest.MonkeyPatch) -> None:
    states = {
        name.replace("\n", "").encode("utf-8", "replace").decode(): f"{name}!" for name in NAMES if "\n" not in name and name.isascii()
    }
    with FakeAdbServer(states) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
        text = shown(run_command(devices, [], monkeypatch))
    assert "[/nothing]" in text
    assert "\\x1b[2J" in text


@pytest.mark.parametrize(
    "module", ["exporters.run", "lut.predict", "search.run", "android_harness.deploy", "profiler.verify", "profiler.certify"]
)
def test_refusals_quote_names_as_they_are(module: str, tmp_path: Path) -> None:
    name = "[/x]\x1b[2J"
    arguments = {
        "exporters.run": ["--model", name, "--out", tmp_path / "b"],
        "lut.predict": ["--lut", tmp_path / name, "--model", "mini_v2"],
        "search.run": ["--out", tmp_path / "s", "--evaluator", name],
        "android_harness.deploy": [tmp_path / name],
        "profiler.verify": ["--lut", tmp_path / name, "--model", "mini_v2"],
        "profiler.certify": ["--lut", tmp_path / name],
    }[module]
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "[/x]\\x1b[2J" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_terminal_that_knows_ascii_only_gets_an_answer(tmp_path: Path) -> None:
    plan = plan_model(tiny(), COARSE)
    save(made_tables(plan.blocks, plan.transfers, lambda *_: 10.0), tmp_path)
    model = tmp_path / "tiny.json"
    model.write_text(json.dumps(tiny().document), encoding="utf-8")
    command = [sys.executable, "-m", "lut.predict", "--lut", tmp_path, "--model", model]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"Predicted: " in done.stdout
