"""The command, as users call it."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from collab import config as configs
from lut.certificate import Accuracy, Bias, Certificate
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from lut.tables import load_tables, save
from search.widths.budget import base_latency
from tests.models import tiny
from tests.processes import wait_until
from tests.search.made import written
from tests.search.models import micro

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("luts") / "made", micro())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "micro.json"
    path.write_text(micro().to_json())
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "accuracies.csv"
    rows = [f"{a}{b}{c},{0.5 + 0.1 * (a == 'n') + 0.05 * (b == 'c') + 0.01 * (c == 'c')}" for a in "nac" for b in "nac" for c in "ac"]
    path.write_text("strategy,accuracy\n" + "\n".join(rows[:-1]) + "\n")
    return path


def call(*arguments: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "search.run", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def command_evaluator(folder: Path) -> list[str]:
    path = folder / "evaluate.py"
    path.write_text(
        "import json, sys\nc = json.load(open(sys.argv[1]))\nprint(0.5 + 0.1 * (c['sync'][0] == 'n') + 0.01 * len(set(c['sync'])))\n"
    )
    return ["--evaluator", "command", "--command", f"{sys.executable} {path}"]


def evaluated(folder: Path) -> list[str]:
    entries = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return [entry["strategy"] for entry in entries if entry["event"] == "evaluated"]


def test_a_table_needs_no_device(table: Path, tmp_path: Path) -> None:
    done = call("--evaluator", "table", "--table", table, "--evaluations", "12", "--out", tmp_path / "found")
    assert "17 feasible strategies of 18" in done.stdout
    assert "Best: ncc" in done.stdout
    rows = list(csv.DictReader((tmp_path / "found" / "archive.csv").open()))
    assert len(rows) == 12
    assert rows[0]["strategy"] == "ncc"


def test_with_workers_and_as_json(table: Path, tmp_path: Path) -> None:
    done = call("--evaluator", "table", "--table", table, "--evaluations", "40", "--out", tmp_path / "found", "--workers", "2", "--json")
    [result] = json.loads(done.stdout)["results"]
    assert result["evaluated"] == 17
    assert result["best"]["strategy"] == "ncc"


def test_a_found_config_is_one_that_meets_the_budget(lut: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    done = call("--lut", lut, "--model", model, "--budget", "0.8x", *command_evaluator(tmp_path), "--evaluations", "6", "--out", out)
    found = configs.load(str(out / "found.json"))
    assert found.name.endswith("_0.8x")
    [best] = [row for row in csv.DictReader((out / "archive.csv").open()) if row["strategy"] == found.strategy][:1]
    costs = Costs(load_tables(lut), source=str(lut))
    limit_us = 0.8 * base_latency(micro(), ["cpu0", "cpu1"], costs).us
    from collab.placement import parse_placement

    predicted = predict(found, parse_placement(best["placement"], branches=2), costs).total_us
    assert 0.97 * limit_us <= predicted <= limit_us
    commands = [line.split()[2] for line in done.stdout.splitlines() if line.strip().startswith("python -m")]
    assert commands == ["profiler.verify", "exporters.run", "android_harness.deploy"]


def test_the_printed_export_command_works(lut: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    done = call("--lut", lut, "--model", model, "--budget", "1.0x", *command_evaluator(tmp_path), "--evaluations", "2", "--out", out)
    [line] = [line.split() for line in done.stdout.splitlines() if "exporters.run" in line]
    subprocess.run([sys.executable, *line[1:]], cwd=ROOT, check=True, capture_output=True)
    assert (out / "bundle" / "manifest.json").is_file()


def test_from_the_device_and_back(runner: Path, tmp_path: Path) -> None:
    """Profile, search, and every command that the search prints, on this machine."""
    base, lut, out = tmp_path / "base.json", tmp_path / "lut", tmp_path / "found"
    base.write_text(tiny().to_json())
    profile = ["profiler.run", "--device", "local", "--model", str(base), "--quick", "--out", str(lut)]
    subprocess.run([sys.executable, "-m", *profile], cwd=ROOT, check=True, capture_output=True)
    done = call("--lut", lut, "--model", base, "--budget", "1.5x", *command_evaluator(tmp_path), "--evaluations", "4", "--out", out)
    lines = [shlex.split(line) for line in done.stdout.splitlines() if line.strip().startswith("python -m")]
    assert [line[2] for line in lines] == ["profiler.verify", "exporters.run", "android_harness.deploy"]
    for line in lines:
        ran = subprocess.run([sys.executable, *line[1:]], cwd=ROOT, check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        if line[2] != "exporters.run":
            assert "Predicted:" in ran.stdout
    assert runner.is_file()


def test_a_margin_keeps_predictions_below_the_budget(lut: Path, model: Path, tmp_path: Path) -> None:
    latencies = []
    for margin in ("0", "0.25"):
        out = tmp_path / margin
        what = ["--lut", lut, "--model", model, *command_evaluator(tmp_path), "--evaluations", "1", "--margin", margin]
        call(*what, "--out", out)
        [row] = csv.DictReader((out / "archive.csv").open())
        latencies.append(float(row["latency_us"]))
    assert latencies[1] == pytest.approx(latencies[0] / 1.25, rel=0.03)


def test_several_budgets_have_folders_of_their_own(lut: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    call("--lut", lut, "--model", model, "--budget", "0.8x,1.0x", *command_evaluator(tmp_path), "--evaluations", "3", "--out", out)
    assert len(evaluated(out / "0.8x")) == len(evaluated(out / "1.0x")) == 3
    assert {row["budget"] for row in csv.DictReader((out / "archive.csv").open())} == {"0.8x", "1.0x"}


def test_syncs_anywhere_and_placements_may_be_searched(lut: Path, model: Path, tmp_path: Path) -> None:
    fine = written(tmp_path / "lut", configs.in_single_blocks(micro()))
    what = ["--lut", fine, "--model", f"{model}:blocks", "--placement", "tree"]
    done = call(*what, *command_evaluator(tmp_path), "--evaluations", "3", "--out", tmp_path / "found")
    assert "324 feasible strategies of 324" in done.stdout


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_ended_search_is_resumed(lut: Path, model: Path, tmp_path: Path, end: signal.Signals) -> None:
    out = tmp_path / "found"
    evaluator, gate = command_evaluator(tmp_path), tmp_path / "gate"
    _hold_after(tmp_path / "evaluate.py", gate, calls=3)
    what = ["--lut", str(lut), "--model", str(model), *evaluator, "--evaluations", "12", "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "search.run", *what], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: process.poll() is not None or ((out / "journal.jsonl").exists() and len(evaluated_so_far(out)) >= 3))
    assert process.poll() is None
    os.kill(process.pid, end)
    gate.touch()
    _, errors = process.communicate()
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert "--resume" in errors
        assert "Traceback" not in errors
    before = evaluated_so_far(out)
    assert 3 <= len(before) <= 4
    call(*what, status=2)
    done = call(*what, "--resume")
    assert "Resumed" in done.stdout
    after = evaluated(out)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 12


def _hold_after(program: Path, gate: Path, *, calls: int) -> None:
    """Has a command's program wait, once it was called so often, until the gate is there."""
    program.write_text(
        "import os, time\n"
        f"count, gate = {str(gate.with_name('calls'))!r}, {str(gate)!r}\n"
        "open(count, 'a').write('x')\n"
        f"while os.path.getsize(count) > {calls} and not os.path.exists(gate): time.sleep(0.02)\n" + program.read_text()
    )


def evaluated_so_far(out: Path) -> list[str]:
    text = (out / "journal.jsonl").read_text()
    entries = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [entry["strategy"] for entry in entries if entry["event"] == "evaluated"]


def test_a_supernet_is_trained_once_and_its_weights_exported(lut: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    what = ["--lut", lut, "--model", model, "--budget", "0.9x,1.2x", "--evaluator", "supernet", "--data", "digits", "--epochs", "1"]
    call(*what, "--evaluations", "3", "--threads", "1", "--out", out)
    assert (out / "shared" / "supernet.pth").is_file()
    for budget in ("0.9x", "1.2x"):
        config, weights = out / budget / "found.json", out / budget / "found.npz"
        bundle = ["--model", str(config), "--weights", str(weights), "--out", str(out / budget / "bundle")]
        subprocess.run([sys.executable, "-m", "exporters.run", *bundle], cwd=ROOT, check=True, capture_output=True)
    made = (out / "shared" / "supernet.pth").stat().st_mtime_ns
    call(*what, "--evaluations", "4", "--threads", "1", "--out", out, "--resume")
    assert (out / "shared" / "supernet.pth").stat().st_mtime_ns == made


def test_short_trainings(lut: Path, model: Path, tmp_path: Path) -> None:
    what = ["--evaluator", "train", "--data", "digits", "--epochs", "1", "--threads", "1", "--evaluations", "2"]
    call("--lut", lut, "--model", model, *what, "--out", tmp_path / "found")
    assert len(evaluated(tmp_path / "found")) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--evaluator", "magic"], "one of table, command, train, supernet"),
        (["--evaluator", "table"], "--table"),
        (["--evaluator", "table", "--table", "/no/such.csv"], "cannot be read"),
        (["--evaluator", "table", "--table", "TABLE", "--method", "best"], "--method best: one of tree, uct, surrogate"),
        (["--evaluator", "supernet"], "--lut and --model"),
        (["--lut", "LUT", "--model", "no_such_model"], "no model 'no_such_model'"),
        (["--lut", "/no/such/folder", "--model", "MODEL"], "profiler.run"),
        (["--lut", "LUT", "--model", "MODEL", "--budget", "fast"], "like 1.0x"),
        (["--lut", "LUT", "--model", "MODEL", "--budget", "0.001x"], "larger --budget"),
        (["--lut", "LUT", "--model", "MODEL:blocks"], "--resume --model BASE"),
        (["--lut", "LUT", "--model", "mobilenet_v2"], "to measure it: python -m profiler.run"),
        (["--lut", "LUT", "--model", "MODEL", "--placement", "0=gpu0,1=cpu0"], "no unit gpu0"),
        (["--lut", "LUT", "--model", "MODEL", "--data", "/no/such/images"], "/no/such/images"),
        (["--lut", "LUT", "--model", "MODEL", "--data", "glyphs:colour=1"], "no option 'colour'"),
        (["--lut", "LUT", "--model", "MODEL", "--evaluator", "command", "--command", "/no/such/program"], "cannot be started"),
        (["--lut", "LUT", "--model", "MODEL", "--evaluator", "command", "--command", "true", "--executor", "slurm"], "one of local, ray"),
        (["--evaluator", "table", "--table", "TABLE", "--resume"], "no search to resume"),
    ],
)
def test_mistakes_are_a_sentence(arguments: list[str], says: str, lut: Path, model: Path, table: Path, tmp_path: Path) -> None:
    places = {"LUT": str(lut), "MODEL": str(model), "TABLE": str(table)}
    done = call(
        *[places.get(argument, argument.replace("MODEL:", f"{model}:")) for argument in arguments], "--out", tmp_path / "found", status=2
    )
    assert says in done.stderr
    assert done.stderr.startswith("error: ")


def test_damaged_tables_are_a_sentence(model: Path, tmp_path: Path) -> None:
    lut = written(tmp_path / "lut", micro())
    blocks = (lut / "blocks.csv").read_text().splitlines()
    (lut / "blocks.csv").write_text("\n".join([blocks[0], blocks[1].replace("ok", "maybe"), *blocks[2:]]))
    assert "blocks.csv" in call("--lut", lut, "--model", model, "--out", tmp_path / "found", status=2).stderr
    (lut / "blocks.csv").write_text(blocks[0] + "\n")
    assert "to measure it" in call("--lut", lut, "--model", model, "--out", tmp_path / "found", status=2).stderr
    (lut / "blocks.csv").write_text("")
    assert "blocks.csv" in call("--lut", lut, "--model", model, "--out", tmp_path / "found", status=2).stderr


def resumed(lut: Path, model: Path, table: Path, out: Path, status: int) -> str:
    what = ["--lut", lut, "--model", model, "--evaluator", "table", "--table", table, "--evaluations", "4", "--out", out]
    return call(*what, *(["--resume"] if out.exists() else []), status=status).stderr


def test_a_search_goes_on_only_with_the_same_inputs(model: Path, table: Path, tmp_path: Path) -> None:
    lut, out = written(tmp_path / "lut", micro()), tmp_path / "found"
    own = tmp_path / "table.csv"
    own.write_bytes(table.read_bytes())
    resumed(lut, model, own, out, 0)
    before = (out / "journal.jsonl").read_bytes()
    own.write_text(table.read_text().replace("0.6", "0.9", 1))
    assert "its table is " in resumed(lut, model, own, out, 2)
    own.write_bytes(table.read_bytes())
    tables = load_tables(lut)
    slower = [replace(row, marginal_us=None if row.marginal_us is None else 1.01 * row.marginal_us) for row in tables.blocks]
    save(replace(tables, blocks=tuple(slower)), lut)
    said = resumed(lut, model, own, out, 2)
    assert "its tables is " in said
    assert "its table is " not in said
    assert (out / "journal.jsonl").read_bytes() == before


def test_tables_may_be_certified_in_between(model: Path, table: Path, tmp_path: Path) -> None:
    lut, out = written(tmp_path / "lut", micro()), tmp_path / "found"
    resumed(lut, model, table, out, 0)
    tables = load_tables(lut)
    close = Accuracy(0.01, 0.02, 1.0, 1.0)
    certificate = Certificate(20, close, close, Bias(0.0, None), 0.01, 0.02, {"cpu0": 1.0}, {}, "2026-01-01T00:00:00+00:00")
    save(replace(tables, meta=replace(tables.meta, certificate=certificate)), lut)
    resumed(lut, model, table, out, 0)


def test_a_model_is_found_under_a_name_that_fits_however_long_the_bases_is(lut: Path, table: Path, tmp_path: Path) -> None:
    for length in (3, 118, 128):
        path, out = tmp_path / f"{length}.json", tmp_path / str(length)
        path.write_text(json.dumps({**micro().document, "name": "m" * length}))
        call("--lut", lut, "--model", path, "--evaluator", "table", "--table", table, "--evaluations", "1", "--out", out)
        name = configs.load(out / "found.json").name
        assert name.startswith("m" * min(length, 100))
        assert len(name) <= 128


def test_a_full_disk_is_a_sentence_and_leaves_a_search_that_goes_on(table: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: writes end in the same way, short first."""
    what = ["--evaluator", "table", "--table", str(table), "--evaluations", "12", "--out"]
    call(*what, tmp_path / "whole")
    size = (tmp_path / "whole" / "journal.jsonl").stat().st_size
    for limit in (100, size // 2):
        limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
        script = f"{limited}; from search.run import app, run_app; run_app(app)"
        out = tmp_path / str(limit)
        done = subprocess.run([sys.executable, "-c", script, *what, str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "journal.jsonl cannot be written: the disk" in done.stderr
        call(*what, out, *(["--resume"] if (out / "shared").exists() else []))
        assert evaluated(out) == evaluated(tmp_path / "whole")
        assert (out / "archive.csv").read_bytes() == (tmp_path / "whole" / "archive.csv").read_bytes()


def test_files_of_somebody_else_s_are_not_replaced(table: Path, tmp_path: Path) -> None:
    (tmp_path / "archive.csv").write_text("mine")
    done = call("--evaluator", "table", "--table", table, "--out", tmp_path, status=2)
    assert "name another folder" in done.stderr
    assert (tmp_path / "archive.csv").read_text() == "mine"


@pytest.mark.parametrize("method", ["tree", "uct", "surrogate"])
def test_the_method_is_in_the_journal_and_resuming_does_not_change_it(method: str, table: Path, tmp_path: Path) -> None:
    arguments = ["--evaluator", "table", "--table", table, "--out", tmp_path / "found", "--evaluations"]
    call(*arguments, "6", "--method", method)
    header = json.loads((tmp_path / "found" / "journal.jsonl").read_text().splitlines()[0])
    assert (header["format"], header["settings"]["method"]) == (4, method)
    call(*arguments, "8", "--method", method, "--resume")
    other = "uct" if method != "uct" else "tree"
    assert f"its method is {method}, now it is {other}" in call(*arguments, "9", "--method", other, "--resume", status=2).stderr


def test_a_journal_that_does_not_say_its_method_is_refused(table: Path, tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"event": "search", "format": 2, "settings": {"prior": true}, "inputs": {}}\n')
    done = call("--evaluator", "table", "--table", table, "--out", tmp_path, "--resume", status=2)
    assert "those of format 2 not by which method" in done.stderr
    assert "search again in another folder" in " ".join(done.stderr.split())
