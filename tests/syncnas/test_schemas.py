"""Schemas of what commands print with ``--json``: up to date, and true of what each command really prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from collab.config import load
from collab.variants import collaborative
from graph.plan_file import plan_for
from graph.reading import read_network
from graph.scheduling import CutNetwork
from lut.tables import save
from profiler.plan import COARSE, plan_model
from syncnas.commands import COMMANDS
from syncnas.schemas import FORMS, command_of, schema_of, text_of
from tests.android_harness.commands import home_alone
from tests.graph.samples import samples
from tests.lut.foreign.made_sources import PIXEL
from tests.lut.made_tables import made_tables
from tests.models import tiny
from tests.pages import REPOSITORY
from tests.report.comparing.made_runs import by_turns, write_certificate

FOLDER = REPOSITORY / "docs" / "schemas"


def test_every_command_has_a_form() -> None:
    assert {command_of(name) for name in FORMS} == set(COMMANDS)


def test_files_are_up_to_date() -> None:
    """``python -m syncnas.schemas docs/schemas`` writes them."""
    assert {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == {name: text_of(name) for name in FORMS}


@pytest.mark.parametrize("name", FORMS)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(name))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema_version": 1}, schema_of(name))


def checked(name: str, text: str) -> dict[str, Any]:
    """What a command has printed, held against its schema, and against its form for fields that the schema does not know."""
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, schema_of(name))
    msgspec.convert(document, FORMS[name])
    return document


@pytest.fixture(scope="module", name="home")
def of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return {**home_alone(tmp_path_factory.mktemp("home")), "PYTHONPATH": str(REPOSITORY)}


def printed(name: str, *arguments: object, env: Mapping[str, str], status: int = 0) -> dict[str, Any]:
    command = [sys.executable, "-m", "syncnas", command_of(name), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)
    assert done.returncode == status, done.stderr
    return checked(name, done.stdout)


@pytest.fixture(scope="module", name="model")
def of_two_branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.json"
    path.write_text(collaborative(tiny(), "nca").to_json())
    return path


@pytest.fixture(scope="module", name="base")
def of_one_branch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "base.json"
    path.write_text(tiny().to_json())
    return path


@pytest.fixture(scope="module", name="made")
def of_no_device(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables whose costs are made up, and so are no measurement."""
    out = tmp_path_factory.mktemp("luts") / "made"
    plan = plan_model(load(base), COARSE)
    save(made_tables(plan.blocks, plan.transfers, lambda unit, block: 10.0), out)
    return out


def test_what_needs_no_device(home: Mapping[str, str], made: Path, model: Path, tmp_path: Path) -> None:
    assert printed("devices", env=home)["devices"] == []
    printed("predict", "--lut", made, "--model", model, env=home)
    printed("trace", made, "--model", model, "--out", tmp_path / "trace.json", env=home)
    printed("compare", made, made, env=home)
    for kind in ("tflite", *(["both"] if _has_onnx() else [])):
        said = printed("export", "--model", model, "--out", tmp_path / kind, "--format", kind, env=home)
        assert "config" in said
        assert "network" not in said
    printed("cut", next((tmp_path / "tflite").rglob("*.tflite")), "--out", tmp_path / "blocks", "--check", env=home)


def test_an_export_by_plan(home: Mapping[str, str], tmp_path: Path) -> None:
    network, plan = tmp_path / "net.tflite", tmp_path / "net.plan.json"
    network.write_bytes(samples()["residual"])
    cut = CutNetwork(read_network(network), name="net.tflite", grain_us=0.0)
    units = [f"cpu{number % 2}" for number in range(len(cut.blocks))]
    plan.write_text(plan_for(cut, units, {"cpu0": "cpu:cores=0", "cpu1": "cpu:cores=1"}, grain_us=0.0, predicted_us=1.0).to_json())
    said = printed("export", "--model", network, "--plan", plan, "--out", tmp_path / "bundle", env=home)
    assert {"network", "plan"} < set(said)
    assert not {"config", "placement"} & set(said)
    assert said["units"] == ["cpu0", "cpu1"]


def test_tables_of_others(home: Mapping[str, str], tmp_path: Path) -> None:
    source = tmp_path / "pixel.yaml"
    source.write_text(PIXEL)
    said = printed("import", source, "--device", "pixel1", "--unit", "cpu:threads=1", "--out", tmp_path / "luts", env=home)
    assert said["blocks"]["cpu0"] > 0
    printed("export-tables", tmp_path / "luts", "--format", "proxylessnas", "--out", tmp_path / "out.yaml", env=home)


def test_runs_and_certificates(home: Mapping[str, str], tmp_path: Path) -> None:
    printed("compare", *by_turns(tmp_path, 1), env=home)
    printed("compare", *(write_certificate(tmp_path / name, seed) for seed, name in enumerate("ab")), env=home)


def test_several_phones(home: Mapping[str, str], tmp_path: Path) -> None:
    """None of which is there: what else is said of one is what a profile of its own says."""
    phones = ("--device", "127.0.0.1:1", "--device", "127.0.0.1:2")
    said = printed("profile-devices", *phones, "--out", tmp_path, "--resume", env=home, status=2)
    assert [phone["state"] for phone in said["devices"]] == ["failed", "failed"]


def _has_onnx() -> bool:
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        return False
    return True


def test_search_and_its_tree(home: Mapping[str, str], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("strategy,accuracy\n" + "".join(f"{one}{two}n,0.{number}\n" for number, (one, two) in enumerate(["na", "ca", "nn"])))
    out = tmp_path / "found"
    assert printed("search", "--evaluator", "table", "--table", table, "--out", out, "--evaluations", 2, env=home)["results"][0]["best"]
    assert printed("explain", out, env=home)["results"][0]["levels"]


@pytest.mark.slow
def test_what_runs_on_a_device(runner: Path, home: Mapping[str, str], base: Path, tmp_path: Path) -> None:
    """On this machine, by the real runner."""
    assert runner.is_file()
    luts, bundle = tmp_path / "luts", tmp_path / "bundle"
    on_one_core = ("--unit", "cpu:cores=0")
    printed("doctor", "--device", "local", *on_one_core, env=home)
    printed("setup", "--device", "local", "--offline", env=home)
    printed("profile", "--device", "local", "--quick", "--model", base, "--out", luts, env=home)
    verified = printed("verify", "--lut", luts, "--model", base, "--rounds", 2, "--runs", 2, "--fail-above", "1000%", env=home)
    assert verified["fails"] is False
    verified = printed("verify", "--lut", luts, "--model", base, "--rounds", 2, "--runs", 2, "--fail-above", "0.0001%", env=home, status=1)
    assert verified["fails"] is True
    assert printed("trace", luts, "--out", tmp_path / "trace.json", env=home)["runs"] == 8
    printed("export", "--model", base, "--out", bundle, env=home)
    printed("deploy", bundle, "--device", "local", "--lut", luts, "--runs", 3, env=home)
    alone = tmp_path / "alone"
    printed("profile", "--device", "local", "--quick", "--block", "add_8_4x2", *on_one_core, "--out", alone, env=home)
    refused = subprocess.run(
        [sys.executable, "-m", "syncnas", "certify", "--lut", alone, "--model", base], capture_output=True, text=True, check=False, env=home
    )
    assert refused.returncode == 2
    assert "of one unit only" in refused.stderr
    printed("certify", "--lut", luts, "-n", 2, "--rounds", 2, "--runs", 1, env=home)
    assert printed("predict", "--lut", luts, "--model", base, env=home)["certificate"]["n"] == 2
    assert printed("report", luts, "--out", tmp_path / "page.html", env=home)["profiles"] == 1
    printed("trace", luts, "--out", tmp_path / "trace.json", env=home)
    printed("build", env=home)
    printed("devices-clean", "--clean", "local", env=home)


@pytest.mark.slow
def test_the_demo(runner: Path, home: Mapping[str, str], tmp_path: Path) -> None:
    assert runner.is_file()
    assert printed("demo", "--small", "--out", tmp_path / "demo", env=home)["measured_us"]["median"] > 0
