"""Importing what others measured, from the command line to a prediction."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from collab import config as configs
from collab.errors import SyncNasError
from lut.foreign.entries import MAX_BYTES
from lut.foreign.from_files import ACCOUNT_FILE
from lut.foreign.yaml_tables import MAX_DEPTH
from lut.import_tables import app
from tests.lut.foreign.made_sources import PIXEL, write, yaml_of

BASE = configs.load("mobilenet_v2")


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, SyncNasError), result.output
    text = str(result.exception)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\xff\xfeC\x00", "not UTF-8"),
        ("a: [1", "not YAML"),
        ("a: b: c", "not YAML"),
        ("\x00", "not YAML"),
        ("x: &x {mean: 1}\ny: *x", "line 2: an alias"),
        ("[" * 20, f"more than {MAX_DEPTH} deep"),
        ("[" * 100_000, "nest"),
        ("- " * 50_000, f"more than {MAX_DEPTH} deep"),
        ("{{1: 2}: 3}", "a key that is no plain text"),
        ("{" * 50_000, "line 1"),
        ("", "no entry is a block"),
        ("just text", "no entry is a block"),
        ("- mean: 3", "no entry is a block"),
        ("!!python/object/apply:os.system ['exit 1']", "no entry is a block"),
        ("Conv_9-input:1x1x1-output:1x1x1: {mean: 2}", "the first, Conv_9"),
    ],
)
def test_files_that_are_no_tables_are_refused_in_a_sentence(tmp_path: Path, text: str | bytes, reason: str) -> None:
    path = write(tmp_path, text)
    assert reason in refused(path, "--device", "d", "--unit", "cpu", "--out", tmp_path / "lut")
    assert not (tmp_path / "lut").exists()


def test_files_that_are_too_large_missing_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    options = ("--device", "d", "--unit", "cpu", "--out", tmp_path / "lut")
    assert "larger than 32 MiB" in refused(tmp_path / "large.yaml", *options)
    assert "No such file" in refused(tmp_path / "none.csv", *options)
    assert ".csv" in refused(write(tmp_path, "", "table.txt"), *options)


@pytest.mark.parametrize("options", [("--act", "gelu"), ("--unit", "tpu"), ("--device", " "), ("--device", "a\nb")])
def test_options_that_say_nothing_are_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    refused(write(tmp_path, PIXEL), "--out", tmp_path / "lut", "--device", "d", "--unit", "cpu", *options)
    assert not (tmp_path / "lut").exists()


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path) -> None:
    path = write(tmp_path, PIXEL)
    for out in (tmp_path, path):
        assert "not empty" in refused(path, "--device", "d", "--unit", "cpu", "--out", out)
    assert [item.name for item in tmp_path.iterdir()] == ["table.yaml"]


def test_the_account_names_everything(tmp_path: Path) -> None:
    path = write(tmp_path, f"{PIXEL}note: 3\n" + "".join(f"Conv_{i}-input:1x1x1-output:1x1x1: {{mean: 2}}\n" for i in range(3, 9)))
    options = ("--device", "pixel1", "--unit", "cpu")
    text = run(path, *options, "--out", tmp_path / "a").output
    assert "8 blocks on cpu0" in text
    assert "Combined: head_7_k1s1_320-1280-1000_relu6" in text
    assert "Lacking: the fixed cost of a call" in text
    assert "Left out: 7" in text
    document = json.loads(run(path, *options, "--out", tmp_path / "b", "--json").output)
    assert document.pop("out") == str(tmp_path / "b")
    assert document.pop("schema_version") == 1
    assert document == json.loads((tmp_path / "b" / ACCOUNT_FILE).read_text())
    assert len(document["left_out"]) == 7
    assert document["blocks"] == {"cpu0": 8}


def test_import_then_predict_through_the_command_line(tmp_path: Path) -> None:
    def command(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", module, *map(str, arguments)], capture_output=True, text=True, check=False)

    path, out = write(tmp_path, yaml_of(BASE, ms=0.5)), tmp_path / "lut"
    made = command("lut.import_tables", path, "--device", "pixel1", "--unit", "cpu:threads=1", "--out", out)
    assert made.returncode == 0, made.stderr
    asked = command("lut.predict", "--lut", out, "--model", "mobilenet_v2")
    assert asked.returncode == 0, asked.stderr
    total_ms = 0.5 * (1 + len(BASE.blocks) + 2)
    assert f"Predicted: {total_ms:.3f} ms" in asked.stdout
    assert "imported from table.yaml" in asked.stdout
    assert "the fixed cost of a call" in asked.stdout
    document = json.loads(command("lut.predict", "--lut", out, "--model", "mobilenet_v2", "--json").stdout)
    assert document["predicted_us"] == total_ms * 1000
    assert "hand-overs between units" in document["tables"]["lacks"]
    other = command("lut.predict", "--lut", out, "--model", "fbnet_c")
    assert other.returncode == 2
    assert other.stderr.startswith("error: stem_224")
    assert "Traceback" not in other.stderr
    assert command("lut.import_tables", path, "--device", "p", "--unit", "cpu", "--out", out).returncode == 2
