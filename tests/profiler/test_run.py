"""The profiler as a user runs it, on the real device: tables, resuming, adding, refusing; then predict and verify from them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from android_harness.protocol.journal import JobStarted, PhaseStarted, TimeDone, read_journal
from collab.variants import collaborative
from lut.statistics import standard_error
from lut.tables import load_tables
from profiler.drift import speed_lines
from profiler.effort import QUICK
from profiler.job_ids import JobId, LoadedId, NetworkId, parse_job_id
from profiler.phases import block_ids, groups_of
from profiler.plan import COARSE, LOADS, network_name, plan_model
from profiler.request import JOURNAL_FILE, load_request
from profiler.samples import read_store
from tests.models import tiny
from tests.processes import has_pending, held, wait_until
from tests.profiler.verified_traces import check_trace

COMMAND = (sys.executable, "-m")


def run(module: str, *arguments: object, status: int = 0) -> str:
    """Runs a command; gives its standard output, or standard error where it is to fail."""
    result = subprocess.run([*COMMAND, module, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if status == 0 else result.stderr


@pytest.fixture(scope="module", name="model")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.json"
    path.write_text(tiny().to_json())
    return path


@pytest.fixture(scope="module", name="profiled")
def tiny_profile(runner: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Tables of the tiny model's search space, measured once, and what the command said of them."""
    out = tmp_path_factory.mktemp("luts") / "tiny"
    return out, json.loads(run("profiler.run", "--model", model, "--out", out, "--quick", "--json"))


def test_a_profile_says_what_it_did(profiled: tuple[Path, dict[str, Any]]) -> None:
    out, said = profiled
    assert set(said) >= {"blocks", "transfers", "failed", "wall_s", "sampled_s", "out"}
    tables = load_tables(out)
    assert said["blocks"] == len(tables.blocks) > 50
    assert said["transfers"] == len(tables.transfers) > 10
    assert said["failed"] == 0
    assert said["complete"] is True
    assert 0 < said["sampled_s"] < said["wall_s"]


def test_rows_are_the_samples_of_the_journal(profiled: tuple[Path, dict[str, Any]]) -> None:
    out, _ = profiled
    row = next(row for row in load_tables(out).blocks if row.block.startswith("mbconv_24") and row.unit == "cpu1")
    store = read_store(out / "journal.jsonl")
    line = speed_lines(store, ["cpu1"])["cpu1"]
    job = parse_job_id(f"block/cpu1/{row.block}")
    assert job is not None
    visits = store.jobs[job].times
    runs = [statistics.median(visit.samples["run"]) / line.at([visit.t_ns])[0] / 1000 for visit in visits]
    assert (row.n, row.visits) == (sum(len(visit.samples["run"]) for visit in visits), len(visits))
    assert row.median_us == pytest.approx(statistics.median(runs), abs=2e-3)
    assert row.median_se_us == pytest.approx(standard_error(runs), abs=2e-3)
    meta = load_tables(out).meta
    alone_us = row.median_us - meta.call_alone["cpu1"].median_us
    assert row.marginal_us == pytest.approx(max(alone_us, 1e-3), rel=1e-3)
    assert {(entry.unit, entry.what) for entry in meta.reuse} == {(unit, what) for unit in meta.units for what in ("weights", "features")}
    assert meta.call_in_network["cpu1"].median_us > 0
    assert {unit.engine for unit in meta.units.values()} == {"litert"}
    assert meta.deviation == {unit: pytest.approx(0, abs=1e-5) for unit in meta.units}
    assert {pair: found.path for pair, found in meta.paths.items()} == {"cpu0>cpu1": "shared", "cpu1>cpu0": "shared"}
    assert meta.units["cpu0"].cores != meta.units["cpu1"].cores


def test_a_network_alone_and_beside_loads_is_measured_side_by_side(profiled: tuple[Path, dict[str, Any]]) -> None:
    request = load_request(profiled[0])
    groups = {job.text: group for job, group in groups_of(block_ids(request.plan, request.units)).items()}
    assert set(groups.values()) == {f"beside/{unit}/{network_name(n)}" for unit in ("cpu0", "cpu1") for n in request.plan.networks[:LOADS]}
    started = [event.job for event in read_journal(profiled[0] / JOURNAL_FILE) if isinstance(event, JobStarted)]
    together = Counter(tuple(jobs) for group, jobs in groupby(started, key=groups.get) if group is not None)
    for group in set(groups.values()):
        of_group = {job for job in groups if groups[job] == group}
        orders = [order for order in together if groups[order[0]] == group]
        assert all(sorted(order) == sorted(of_group) for order in orders), "no other job in between, and none left out"
        assert sum(together[order] for order in orders) >= QUICK.min_rounds
        assert len(orders) > 1, "shuffled"


def test_a_certificate_is_kept_with_the_tables_and_said_with_every_prediction(
    profiled: tuple[Path, dict[str, Any]], model: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(profiled[0], tmp_path / "copy")
    assert "none yet" in run("lut.predict", "--lut", out, "--model", model, "--placement", "0=cpu0")
    arguments = ("--lut", out, "-n", 3, "--rounds", 4)
    said = json.loads(run("profiler.certify", *arguments, "--json"))
    assert said["n"] == len(said["strategies"]) == 3
    assert len({strategy["model"] for strategy in said["strategies"]}) == 3
    for strategy in said["strategies"]:
        assert min(strategy["critical"].values()) >= 0.25
        assert strategy["error_drift_corrected"] == pytest.approx(strategy["corrected_us"] / strategy["measured_us"] - 1, abs=1e-3)
        assert strategy["n"] == 2 * 4 * 3
    sizes = sorted(abs(strategy["error_drift_corrected"]) for strategy in said["strategies"])
    assert said["median_error"] == pytest.approx(sizes[1], abs=1e-4)
    assert said["within_10"] == pytest.approx(sum(size <= 0.1 for size in sizes) / 3)
    assert set(said["baselines"]) == {"isolated_sum", "macs"}
    assert set(said) >= {"p95_error", "within_5", "raw_median_error", "raw_within_10", "repeatability", "drift"}
    certificate = load_tables(out).meta.certificate
    assert certificate is not None
    beside = ("schema_version", "strategies", "dropped_hot", "notes", "terms", "trends")
    assert certificate.to_document() == {name: value for name, value in said.items() if name not in beside}
    assert said["bias_interval"] is None, "of three errors, no interval is known"
    assert said["terms"] == said["trends"] == {}
    assert "3 random strategies" in run("lut.predict", "--lut", out, "--model", model, "--placement", "0=cpu0")
    text = run("profiler.certify", *arguments, "--seed", 1)
    for words in ("replay, drift-corrected", "sum of isolated blocks", "MACs-proportional", "Repeatability", "within 10 %", "Bias: "):
        assert words in text


def test_units_that_share_a_core_sleep_while_they_wait(runner: Path, model: Path, tmp_path: Path) -> None:
    units = ("--unit", "cpu:cores=0") * 2
    said = json.loads(run("profiler.run", "--model", model, "--out", tmp_path / "s", "--quick", *units, "--json"))
    assert said["failed"] == 0
    meta = load_tables(tmp_path / "s").meta
    assert meta.handover["wait"] == "condvar"
    assert {(entry.unit, entry.other) for entry in meta.contention} == {("cpu0", "cpu1"), ("cpu1", "cpu0")}


def test_what_is_one_strategy_already_is_no_search_space_to_certify(profiled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    config = tmp_path / "model.json"
    config.write_text(collaborative(tiny(), "nca").to_json())
    assert "base model" in run("profiler.certify", "--lut", profiled[0], "--model", config, status=2)


def test_a_budget_is_spent_on_more_than_the_coarse_grid(runner: Path, model: Path, tmp_path: Path) -> None:
    said = json.loads(run("profiler.run", "--model", model, "--out", tmp_path / "b", "--budget", "25s", "--json"))
    coarse = plan_model(tiny(), COARSE)
    measured = {row.block for row in load_tables(tmp_path / "b").blocks}
    assert {block.key for block in coarse.blocks} <= measured
    assert said["complete"]
    store = read_store(tmp_path / "b" / JOURNAL_FILE)
    base, *others = coarse.networks
    common: list[JobId] = [NetworkId.of("cpu0", base), LoadedId.of("cpu0", "cpu1", base, base), LoadedId.of("cpu1", "cpu0", base, base)]
    fewest = min(store.jobs[job].visits for job in common)
    assert fewest >= max(store.jobs[NetworkId.of("cpu0", network)].visits for network in others[LOADS - 1 :])
    # What a busy machine has left of the time is spent then; tests/profiler/test_budgeted.py has a clock of its own.
    assert json.loads(run("profiler.run", "--out", tmp_path / "b", "--resume", "--json"))["blocks"] >= said["blocks"]
    assert "give one of them" in run("profiler.run", "--model", model, "--budget", "1m", "--quick", status=2)


def test_nothing_is_left_to_do_after_a_whole_profile(profiled: tuple[Path, dict[str, Any]]) -> None:
    out, _ = profiled
    phases = sum(isinstance(event, PhaseStarted) for event in read_journal(out / "journal.jsonl"))
    said = json.loads(run("profiler.run", "--out", out, "--resume", "--json"))
    assert said["sampled_s"] == 0
    assert sum(isinstance(event, PhaseStarted) for event in read_journal(out / "journal.jsonl")) == phases


def test_a_damaged_journal_is_named_with_a_way_out(profiled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "luts"
    shutil.copytree(profiled[0], out)
    lines = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    lines[5] = lines[5][:40] + b"\n"
    (out / "journal.jsonl").write_bytes(b"".join(lines))
    error = run("profiler.run", "--out", out, "--resume", status=2)
    assert "journal.jsonl, line 6" in error
    assert "remove that line" in error


def test_a_missing_block_can_be_added_with_the_command_that_the_error_names(profiled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "luts"
    shutil.copytree(profiled[0], out)
    wide = dict(tiny().document)
    wide["1"] = [[24, 5, 2, 16, 400, 24]]
    config = tmp_path / "wide.json"
    config.write_text(json.dumps(wide))
    error = run("lut.predict", "--lut", out, "--model", config, status=2)
    assert "mbconv_24_k5s2_16-400-24_relu on cpu0 is neither in the table nor between two measured points" in error
    command = error.split("to measure it: python -m ")[1].split()
    run(command[0], *command[1:])
    assert "Predicted:" in run("lut.predict", "--lut", out, "--model", config)


def test_an_interrupted_profile_keeps_its_samples_and_goes_on(runner: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "luts"
    process = subprocess.Popen(
        [*COMMAND, "profiler.run", "--model", str(model), "--out", str(out), "--quick"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _interrupt_after_samples(process, out / "journal.jsonl")
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert "--resume" in stdout
    before = [event for event in read_journal(out / "journal.jsonl") if isinstance(event, TimeDone)]
    assert before
    assert load_tables(out).blocks
    run("profiler.run", "--out", out, "--resume")
    after = [event for event in read_journal(out / "journal.jsonl") if isinstance(event, TimeDone)]
    assert after[: len(before)] == before
    assert "Predicted:" in run("lut.predict", "--lut", out, "--model", model)


def test_a_killed_profile_goes_on_too(runner: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "luts"
    process = subprocess.Popen(
        [*COMMAND, "profiler.run", "--model", str(model), "--out", str(out), "--quick", "--json"], stdout=subprocess.DEVNULL
    )
    _wait_for_samples(out / "journal.jsonl")
    # Held still, the runner that is left behind has not ended when the next process comes, and writes nothing meanwhile.
    os.kill(_runner_of(out / "journal.jsonl"), signal.SIGSTOP)
    process.kill()
    process.wait()
    before = _contents(out)
    assert "another process" in run("profiler.run", "--out", out, "--resume", status=2)
    assert "another process" in run("profiler.run", "--out", out, "--resume", "--block", "add_28_32x2", status=2)
    assert _contents(out) == before
    _end_orphan(out / "journal.jsonl")
    with (out / "journal.jsonl").open("ab") as file:
        file.write(b'{"event":"start","job":"cut o')
    said = json.loads(run("profiler.run", "--out", out, "--resume", "--json"))
    assert said["failed"] == 0
    assert "Predicted:" in run("lut.predict", "--lut", out, "--model", model)


def _wait_for_samples(journal: Path) -> None:
    wait_until(lambda: journal.exists() and journal.read_bytes().count(b'"done"') >= 30)


def _interrupt_after_samples(process: subprocess.Popen[Any], journal: Path) -> None:
    """Sends what Ctrl-C does once some samples are there; the runner is held until it is asked to end, so it has not ended before."""
    _wait_for_samples(journal)
    runner = json.loads(journal.read_bytes().split(b"\n")[0])["pid"]
    with held(runner):
        process.send_signal(signal.SIGINT)
        wait_until(lambda: has_pending(runner, signal.SIGINT))


def _contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def _runner_of(journal: Path) -> int:
    pid: int = json.loads(journal.read_bytes().split(b"\n")[0])["pid"]
    return pid


def _end_orphan(journal: Path) -> None:
    """The runner goes on when its host is killed; it is a process of this test and ended by its id."""
    pid = _runner_of(journal)
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("protocol", 1, "measurement protocol 1 (now 2)"),
        ("libraries", {"litert": "an older one"}, "library of litert an older one (now libLiteRt.so, "),
        ("conditions", {"clocks": "fixed"}, "clocks fixed (now not said)"),
    ],
)
def test_tables_are_not_compared_with_what_is_measured_otherwise(
    profiled: tuple[Path, dict[str, Any]], model: Path, tmp_path: Path, field: str, value: object, said: str
) -> None:
    out = shutil.copytree(profiled[0], tmp_path / "luts")
    meta = json.loads((out / "meta.json").read_text())
    for entry in meta["provenance"].values():
        entry[field] = value
    (out / "meta.json").write_text(json.dumps(meta))
    for command in (("profiler.verify", "--model", model), ("profiler.certify", "-n", 1, "--rounds", 2)):
        error = run(command[0], "--lut", out, *command[1:], status=2)
        assert f"the tables were measured otherwise than this is: {said}" in error
    assert load_tables(out).meta.certificate is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "resnet50"], "no model 'resnet50'"),
        (["--model", "mini_v2", "--unit", "cpu:cores=999"], "core 999 is not there"),
        (["--model", "mini_v2", "--wait", "pray"], "--wait one of"),
        (["--block", "mbconv"], "no block key"),
        (["--transfer-bytes", "3"], "multiples of 4"),
        (["--resume"], "no profile to go on with"),
    ],
)
def test_a_users_mistake_is_a_sentence(tmp_path: Path, arguments: list[str], reason: str) -> None:
    error = run("profiler.run", "--out", tmp_path / "luts", *arguments, status=2)
    assert error.startswith("error: ")
    assert reason in error
    assert not (tmp_path / "luts").exists()


def test_a_device_is_enough(runner: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([*COMMAND, "profiler.run", "--device", "local"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    _interrupt_after_samples(process, tmp_path / "luts" / "local" / "journal.jsonl")
    assert process.wait(timeout=300) == 130
    assert json.loads((tmp_path / "luts" / "local" / "plan.json").read_text())["models"] == ["mobilenet_v2"]


def test_a_folder_that_cannot_be_made_is_a_sentence(runner: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = run("profiler.run", "--out", tmp_path / "file" / "luts", "--model", "mini_v2", status=2)
    assert error.splitlines()[-1].startswith(f"error: {tmp_path / 'file'}")


def test_a_finished_profile_is_not_overwritten(profiled: tuple[Path, dict[str, Any]], model: Path) -> None:
    assert "--resume" in run("profiler.run", "--model", model, "--out", profiled[0], status=2)


def test_samples_of_other_units_or_another_device_are_never_mixed(profiled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "luts"
    shutil.copytree(profiled[0], out)
    before = _contents(out)
    assert "other units" in run("profiler.run", "--out", out, "--resume", "--unit", "cpu:cores=0", status=2)
    for way in (("--wait", "hybrid"), ("--path", "memcpy")):
        assert "another way to hand over" in run("profiler.run", "--out", out, "--resume", *way, status=2)
    assert _contents(out) == before
    plan = json.loads((out / "plan.json").read_text())
    plan["fingerprint"]["cpu"] = "Cortex-X4"
    (out / "plan.json").write_text(json.dumps(plan))
    assert "another device" in run("profiler.run", "--out", out, "--resume", status=2)
    meta = json.loads((out / "meta.json").read_text())
    meta["fingerprint"]["cpu"] = "Cortex-X4"
    (out / "meta.json").write_text(json.dumps(meta))
    for command in (["profiler.verify", "--model", "mini_v2"], ["profiler.certify"]):
        assert "another device" in run(*command, "--lut", out, status=2)


def test_tables_of_another_runtime_are_refused(profiled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out = shutil.copytree(profiled[0], tmp_path / "copy")
    meta = json.loads((out / "meta.json").read_text())
    meta["versions"]["runtime"] = "ai-edge-litert 1.9.9"
    (out / "meta.json").write_text(json.dumps(meta))
    for command in (["profiler.verify", "--model", "mini_v2"], ["profiler.certify"]):
        said = run(*command, "--lut", out, status=2)
        assert "measured with ai-edge-litert 1.9.9" in said
        assert "profile again" in said


@pytest.mark.parametrize("placement", ["", "stem=1,head=1"])
def test_verify_puts_prediction_and_measurement_side_by_side(profiled: tuple[Path, dict[str, Any]], tmp_path: Path, placement: str) -> None:
    config = tmp_path / "model.json"
    config.write_text(collaborative(tiny(), "nca").to_json())
    placed = ["--placement", placement] if placement else []
    arguments = ["--lut", profiled[0], "--model", config, *placed, "--rounds", 3, "--journal", tmp_path / "v.jsonl"]
    said = json.loads(run("profiler.verify", *arguments, "--json", "--trace", tmp_path / "trace.json"))
    assert set(said) >= {"model", "predicted_us", "measured_us", "error", "error_drift_corrected", "repeatability", "steps"}
    assert set(said["measured_us"]) >= {"median", "p95", "n"}
    assert said["measured_us"]["n"] == 2 * 3 * 10
    assert said["error"] == pytest.approx(said["predicted_us"] / said["measured_us"]["median"] - 1, abs=1e-4)
    assert said["distinct_outputs"] == 1
    assert all(drift > 0 for drift in said["drift"].values())
    assert said["error_drift_corrected"] == pytest.approx(said["corrected_us"] / said["measured_us"]["median"] - 1, abs=1e-4)
    assert said["output_error"] <= 1e-4
    assert all(step["predicted_us"] is not None for step in said["steps"]), "every measured step has its prediction"
    check_trace(tmp_path / "trace.json", said)
    text = run("profiler.verify", *arguments)
    for word in ("Predicted:", "Measured:", "Error:", "Repeatability:", "Output:"):
        assert word in text


def test_profiling_imports_neither_torch_nor_pandas() -> None:
    code = "import sys, profiler.run; print([m for m in ('torch', 'pandas', 'tensorflow', 'rich.progress') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_whole_measuring_path_does_without_torch(runner: Path, model: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "torch.py"
    blocker.write_text("raise ImportError('torch is not for measuring')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    for module, arguments in (
        ("profiler.run", ["--model", model, "--out", tmp_path / "l", "--quick"]),
        ("profiler.verify", ["--model", model, "--lut", tmp_path / "l", "--rounds", "1"]),
        ("exporters.run", ["--model", model, "--out", tmp_path / "b"]),
    ):
        subprocess.run([*COMMAND, module, *map(str, arguments)], env=environment, check=True, capture_output=True)
