"""`report.trace` as a user runs it, on journals of the real runner."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from collab.errors import ConfigError, JournalError, StorageError, SyncNasError
from lut.tables import NETWORK_FILE
from report.trace import app
from tests.graph.planned.made import made
from tests.lut.traces.trace_checks import arrows, checked, ns, slices
from tests.report.traces.measured import ROUNDS, RUNS, Measured, measured

__all__ = ["measured"]
ALL_RUNS = 2 * ROUNDS * RUNS


def trace(out: Path, *arguments: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the command prints, and the trace that it wrote."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--out", str(out), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout), checked(out.read_text(encoding="utf-8"))


def refused(out: Path, *arguments: object) -> SyncNasError:
    result = CliRunner().invoke(app, [*map(str, arguments), "--out", str(out)])
    assert isinstance(result.exception, SyncNasError)
    assert not out.exists()
    return result.exception


def processes(document: dict[str, Any]) -> list[str]:
    return [event["args"]["name"] for event in document["traceEvents"] if event["name"] == "process_name"]


def test_a_profiles_folder_gives_its_verified_runs_beside_the_prediction(measured: Measured, tmp_path: Path) -> None:
    said, document = trace(tmp_path / "t.json", measured.tables, "--model", measured.configs[0])
    assert said["schema_version"] == 1
    assert said["runs"] == ALL_RUNS
    assert said["events"] == sum(event["ph"] != "M" for event in document["traceEvents"])
    predicted, shown = processes(document)
    assert predicted == f"predicted: {said['predicted_us'] / 1e3:.3f} ms"
    assert shown.startswith("measured: ")
    assert shown.endswith(f"of {ALL_RUNS}, nearest to the median)")
    totals = [total for visit in measured.visits for total in visit.total_ns]
    wholes = [event for event in slices(document["traceEvents"]) if event["cat"] == "whole"]
    assert [ns(event["ts"]) for event in wholes] == [0, 0]
    assert ns(wholes[1]["dur"]) in totals
    # Both processes have the same runs, and as many hand-overs.
    runs: dict[int, list[str]] = {event["pid"]: [] for event in wholes}
    for event in slices(document["traceEvents"]):
        if event["cat"] == "run":
            runs[event["pid"]].append(event["name"])
    one, other = runs.values()
    assert sorted(one) == sorted(other)
    assert len(arrows(document["traceEvents"])) == 2 * sum(label.step == "wait" for label in measured.visits[0].steps)


def test_all_runs_agree_with_the_journal(measured: Measured, tmp_path: Path) -> None:
    said, document = trace(tmp_path / "t.json", measured.tables, "--run", "all")
    assert "predicted_us" not in said
    runs = [event for event in slices(document["traceEvents"]) if event["name"].startswith("run ")]
    assert [ns(event["dur"]) for event in runs] == [total for visit in measured.visits for total in visit.total_ns]
    label = next(label for label in measured.visits[0].steps if label.step == "wait")
    shown = [
        ns(event["dur"])
        for event in slices(document["traceEvents"])
        if event.get("args") == {"segment": label.segment, "step": "wait", "peer": label.peer}
    ]
    index = measured.visits[0].steps.index(label)
    assert shown == [
        end - begin for visit in measured.visits for begin, end in zip(visit.begin_ns[index], visit.end_ns[index], strict=True)
    ]


def test_a_journal_of_several_bundles_wants_a_choice(measured: Measured, tmp_path: Path) -> None:
    assert "collab/0, collab/1" in str(refused(tmp_path / "t.json", measured.both))
    assert "collab/0, collab/1" in str(refused(tmp_path / "t.json", measured.both, "--job", "collab/2"))
    _, document = trace(tmp_path / "t.json", measured.both, "--job", "collab/1", "--model", measured.configs[1])
    assert len(processes(document)) == 2
    (tmp_path / "t.json").unlink()
    error = refused(tmp_path / "t.json", measured.both, "--job", "collab/1", "--model", measured.configs[0])
    assert "another model or placement" in str(error)


def test_a_folder_whose_runs_are_of_another_model_gives_the_prediction(measured: Measured, tmp_path: Path) -> None:
    said, document = trace(tmp_path / "t.json", measured.tables, "--model", measured.configs[1])
    assert "runs" not in said
    assert len(processes(document)) == 1


def test_what_cannot_be_shown_is_one_sentence(measured: Measured, tmp_path: Path) -> None:
    out = tmp_path / "t.json"
    assert isinstance(refused(out, tmp_path / "gone"), ConfigError)
    assert "no profile's folder" in str(refused(out, tmp_path))
    (tmp_path / "meta.json").write_text("{}")
    assert "model=" in str(refused(out, tmp_path))
    (tmp_path / "meta.json").unlink()
    assert "run='99'" in str(refused(out, measured.tables, "--run", 99))
    empty, damaged = tmp_path / "empty.jsonl", tmp_path / "damaged.jsonl"
    empty.write_text("")
    damaged.write_text('{"event": "done"}\n')
    assert "no runs of a bundle" in str(refused(out, empty))
    assert isinstance(refused(out, damaged), JournalError)
    lonely = tmp_path / "lonely.jsonl"
    lonely.write_bytes((measured.tables / "verify.jsonl").read_bytes())
    assert "tables=" in str(refused(out, lonely, "--model", measured.configs[0]))
    out.mkdir()
    result = CliRunner().invoke(app, [str(measured.tables), "--out", str(out)])
    assert isinstance(result.exception, StorageError)


@pytest.mark.parametrize("arguments", [[], ["--run", "2"]])
def test_people_are_told_where_to_open_it(measured: Measured, tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [str(measured.tables), *arguments, "--out", str(tmp_path / "t.json")])
    assert f"median of {ALL_RUNS} runs" in result.stdout
    assert "ui.perfetto.dev" in result.stdout


def test_what_was_verified_is_predicted_again(measured: Measured, tmp_path: Path) -> None:
    folder = shutil.copytree(measured.tables, tmp_path / "tables")
    result = folder / "verify.json"
    result.write_text(json.dumps({"model": str(measured.configs[0]), "placement": "", "steps": []}))
    said, document = trace(tmp_path / "t.json", folder)
    assert said["model"] == str(measured.configs[0])
    assert len(processes(document)) == 2
    gone = {"model": "gone.json", "placement": ""}
    for content in (json.dumps(gone), json.dumps({**gone, "model": 1}), "[", ""):
        result.write_text(content)
        said, document = trace(tmp_path / "t.json", folder)
        assert "predicted_us" not in said
        assert len(processes(document)) == 1


def test_a_plan_is_predicted_block_by_block(tmp_path: Path) -> None:
    found = made(tmp_path)
    said, document = trace(tmp_path / "t.json", found.tables, "--model", found.model, "--plan", found.plan)
    planned = found.planned
    assert said["predicted_us"] == pytest.approx(planned.plan.predicted_us, abs=0.01)
    assert (said["model"], said["placement"]) == ("made", planned.plan.placement_text)
    names = {event["name"] for event in slices(document["traceEvents"])}
    assert names >= {planned.block_name(number) for number in range(len(planned.plan.blocks))}
    assert names >= set(planned.members), "every segment is a slice"
    shutil.copyfile(found.model, found.tables / NETWORK_FILE)
    again, _ = trace(tmp_path / "again.json", found.tables, "--plan", found.plan)
    assert again["predicted_us"] == said["predicted_us"]


def test_a_plan_goes_with_a_network_and_no_placement(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert "placement" in str(refused(tmp_path / "t.json", found.tables, "--plan", found.plan, "--placement", "0=cpu0"))
    assert "network.tflite" in str(refused(tmp_path / "t.json", found.tables, "--plan", found.plan))
