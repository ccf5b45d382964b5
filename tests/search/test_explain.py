"""The command that prints a search's tree, as users call it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collab import config as configs
from search.driver import Search
from search.engine.tree_search import Settings
from search.problems.known import StrategyTable
from search.state import Objective
from tests.graph.planned.made import Made, made
from tests.search.made import written
from tests.search.models import micro
from tests.search.searches import ACCURACIES

ROOT = Path(__file__).parents[2]


def call(module: str, *arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "COLUMNS": "80"})
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def explained(folder: Path, *arguments: object) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads(call("search.explain", folder, "--json", *arguments).stdout)["results"]
    return results


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    with (folder / "accuracies.csv").open("w") as file:
        csv.writer(file).writerows([("strategy", "accuracy"), *ACCURACIES.items()])
    what = ["--evaluator", "table", "--table", folder / "accuracies.csv", "--evaluations", "30", "--method", "tree"]
    call("search.run", *what, "--out", folder / "found")
    return folder / "found"


def test_the_tree_is_printed_along_the_path_to_the_best(found: Path) -> None:
    text = call("search.explain", found).stdout
    with (found / "archive.csv").open() as file:
        best = next(csv.DictReader(file))["strategy"]
    assert f"{found}: 30 of 1,458 feasible strategies evaluated, by --method tree" in text
    assert f"Best: {best}, accuracy {max(ACCURACIES[row] for row in [best]):.4f}" in text
    header = next(line for line in text.splitlines() if line.startswith("stage"))
    assert header.split() == ["stage", "path", "sync", "visits", "mean", "best", "prior", "score"]
    followed = [line.split(">")[1].split()[0] for line in text.splitlines() if " > " in line]
    assert followed == [best[: depth + 1] for depth in range(7)]


def test_as_json(found: Path) -> None:
    [result] = explained(found)
    assert (result["evaluated"], result["failed"], result["under_way"]) == (30, 0, 0)
    assert (result["strategies"], result["feasible"], result["method"], result["seed"]) == (1458, 1458, "tree", 0)
    levels = result["levels"]
    assert [level["stage"] for level in levels] == list(range(7))
    assert [level["prefix"] for level in levels] == [result["best"]["strategy"][:depth] for depth in range(7)]
    assert "".join(child["sync"] for level in levels for child in level["children"] if child["on_path"]) == result["best"]["strategy"]
    assert sum(child["visits"] for child in levels[0]["children"]) == 30


def test_beneath_a_path(found: Path) -> None:
    [result] = explained(found, "--path", "cc")
    assert result["levels"][0]["prefix"] == "cc"
    assert "beneath cc" in call("search.explain", found, "--path", "cc").stdout


def test_a_search_under_way_is_explained(tmp_path: Path) -> None:
    search = Search(StrategyTable(sorted(ACCURACIES)), Settings(), Objective(), tmp_path, {"seed": 0, "method": "tree"})
    try:
        text = call("search.explain", tmp_path).stdout
    finally:
        search.close()
    assert "0 of 1,458" in text
    assert "Nothing was evaluated" in text


def test_a_profiles_folder_is_told_from_a_searchs(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"event":"phase","format":1,"phase":"blocks-0"}\n')
    said = call("search.explain", tmp_path, status=2).stderr
    assert "is the journal of a measurement, not of a search" in said
    assert "report" in said


def test_uct_has_no_priors(tmp_path: Path, found: Path) -> None:
    what = ["--evaluator", "table", "--table", found.parent / "accuracies.csv", "--evaluations", "2", "--method", "uct"]
    call("search.run", *what, "--out", tmp_path / "uct")
    text = call("search.explain", tmp_path / "uct").stdout
    assert "prior:" not in text
    assert "first: before all that were visited" in text


def evaluator(folder: Path) -> list[str]:
    path = folder / "evaluate.py"
    path.write_text("import json, sys\nc = json.load(open(sys.argv[1]))\nprint(0.5 + 0.1 * (c['sync'][0] == 'n'))\n")
    return ["--evaluator", "command", "--command", f"{sys.executable} {path}"]


def test_each_budget_has_a_tree(tmp_path: Path) -> None:
    lut, model = written(tmp_path / "lut", micro()), tmp_path / "micro.json"
    model.write_text(micro().to_json())
    what = ["--lut", lut, "--model", model, "--budget", "0.7x,1.0x", "--placement", "tree", "--latency-weight", "0.1", *evaluator(tmp_path)]
    call("search.run", *what, "--evaluations", "6", "--out", tmp_path / "found")
    results = explained(tmp_path / "found")
    assert [result["best"]["budget"] for result in results] == ["0.7x", "1.0x"]
    for result in results:
        last = result["levels"][-1]
        assert last["stage"] is None
        [chosen] = [child for child in last["children"] if child["on_path"]]
        assert chosen["placement"] == result["best"]["placement"]
        assert chosen["best"] == pytest.approx(result["best"]["objective"])
        with (tmp_path / "found" / result["best"]["budget"] / "archive.csv").open() as file:
            assert float(next(csv.DictReader(file))["objective"]) == pytest.approx(result["best"]["objective"], rel=1e-6)
    text = call("search.explain", tmp_path / "found").stdout
    assert "0.7x: 6 of" in text
    assert "1.0x: 6 of" in text
    assert "(budget / latency) ^ 0.1" in text
    assert "…" not in text


def test_a_large_space_has_priors_with_its_tables(tmp_path: Path) -> None:
    lut = written(tmp_path / "lut", configs.load("mini_v2:blocks"))
    what = ["--lut", lut, "--model", "mini_v2:blocks"]
    call("search.run", *what, *evaluator(tmp_path), "--evaluations", "6", "--out", tmp_path / "found")
    assert "give --lut and --model" in call("search.explain", tmp_path / "found").stdout
    [without], [told] = explained(tmp_path / "found"), explained(tmp_path / "found", *what)
    assert without["feasible"] is told["feasible"] is None
    for result in (without, told):
        for child in (child for level in result["levels"] for child in level["children"]):
            child.pop("score")
            assert (child.pop("prior") is None) or result is told
    assert without == told
    other = written(tmp_path / "other", micro())
    refused = call("search.explain", tmp_path / "found", "--lut", other, "--model", "mini_v2:blocks", status=2).stderr
    assert f"--lut {other} is not what the search was made with" in refused
    refused = call("search.explain", tmp_path / "found", "--lut", lut, "--model", "mini_v2", status=2).stderr
    assert "--model mini_v2 is not what the search was made with" in refused


def test_mistakes_are_a_sentence(found: Path, tmp_path: Path) -> None:
    empty, damaged = tmp_path / "empty", tmp_path / "damaged"
    empty.mkdir()
    damaged.mkdir()
    (damaged / "journal.jsonl").write_bytes((found / "journal.jsonl").read_bytes().replace(b'"accuracy": 0.', b'"accuracy": 1.', 1))
    for arguments, says in (
        ([empty], "holds no search"),
        ([tmp_path / "none"], "holds no search"),
        ([found / "archive.csv"], "holds no search"),
        ([damaged], "line 3 was altered"),
        ([found, "--path", "xyz"], "no strategy begins so"),
        ([found, "--path", "nnnnnna"], "a whole strategy"),
        ([found, "--lut", tmp_path], "--lut and --model belong together"),
        ([found, "--lut", tmp_path, "--model", "mini_v2"], "profiler.run"),
    ):
        done = call("search.explain", *arguments, status=2)
        assert done.stderr.startswith("error: ")
        assert says in done.stderr


@pytest.fixture(scope="module", name="planned")
def planned_network(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("planned"))


def test_the_latency_of_a_plan_is_explained(planned: Made) -> None:
    said = json.loads(call("search.explain", planned.plan, "--lut", planned.tables, "--model", planned.model, "--json").stdout)
    assert said["results"] == []
    plan, path = said["plan"], said["plan"]["path"]
    assert plan["predicted_us"] == pytest.approx(planned.planned.plan.predicted_us, abs=0.01)
    assert sum(plan["by_kind_us"].values()) == pytest.approx(plan["predicted_us"], abs=0.1)
    assert (path[0]["begin_us"], path[-1]["end_us"]) == (0, plan["predicted_us"])
    assert set(plan["units"]) == set(plan["critical"]) == {"cpu0", "cpu1"}
    text = call("search.explain", planned.plan, "--lut", planned.tables, "--model", planned.model).stdout
    assert f"Predicted: {plan['predicted_us'] / 1e3:.3f} ms, the length of the critical path:" in text
    assert all(f"{unit} works " in text for unit in plan["units"])
    blocks = [link["what"].split()[0] for link in path if link["kind"] == "block"]
    assert blocks
    assert all(f"  {number} " in text for number in blocks)


def test_a_plan_that_cannot_be_explained_is_a_sentence(planned: Made, tmp_path: Path) -> None:
    broken = tmp_path / "broken.plan.json"
    broken.write_text("{}")
    for arguments, says in (
        ([planned.plan], "name their folder with --lut"),
        ([planned.plan, "--lut", planned.tables], "name its .tflite with --model"),
        ([planned.plan, "--lut", planned.tables, "--path", "n"], "--path and --table are for searches"),
        ([broken, "--lut", planned.tables], "make the plan again"),
    ):
        done = call("search.explain", *arguments, status=2)
        assert done.stderr.startswith("error: ")
        assert says in done.stderr
